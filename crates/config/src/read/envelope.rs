//! A document's node to a resource: API group, kind, name, namespace, labels, annotations.

use std::collections::BTreeMap;
use std::sync::Arc;

use mixer_template::{Node, NodeValue, Position};

use super::ReadOptions;
use crate::nearest::hint;
use crate::problem::{Location, Problem, ResourceId, Severity};
use crate::resource::{API_GROUP, API_VERSION, RawResource};

const FIELDS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

pub(super) struct Reader<'a> {
    pub(super) file: &'a Arc<str>,
    pub(super) options: &'a ReadOptions,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    /// Reads a document: one resource, or a list of them.
    pub(super) fn read(&mut self, node: Node, resources: &mut Vec<RawResource>) {
        let is_list = node.get("kind").and_then(Node::as_str).is_some_and(|kind| kind.ends_with("List"));
        match node.get("items").map(|items| &items.value) {
            Some(NodeValue::List(items)) if is_list => {
                for item in items.iter().filter(|item| !item.is_null()) {
                    resources.extend(self.resource(item));
                }
            }
            _ => resources.extend(self.resource(&node)),
        }
    }

    /// Reads a document that is one resource, whatever its kind is called.
    pub(super) fn one(mut self, node: &Node) -> Option<RawResource> {
        self.resource(node)
    }

    fn resource(&mut self, node: &Node) -> Option<RawResource> {
        let place = node.position;
        if !matches!(node.value, NodeValue::Map(_)) {
            let message = format!(
                "the document is no resource: it is a {}, and a map with apiVersion, kind, metadata and spec was expected",
                node.kind()
            );
            self.problem(Severity::Error, place, message);
            return None;
        }
        let api_version = self.text(node, "apiVersion", "apiVersion");
        let kind = self.text(node, "kind", "kind");
        if let Some(foreign) = api_version.as_deref().filter(|version| !is_ours(version)) {
            let kind = kind.as_deref().unwrap_or("of no kind");
            let message =
                format!("ignored: a {kind} of {foreign} is not configuration of the group {API_GROUP}");
            self.problem(Severity::Info, place, message);
            return None;
        }
        let mut id = self.identity(node, kind)?;
        self.check_version(&id, place, api_version.as_deref());
        let metadata = node.get("metadata");
        let namespace = metadata.and_then(|metadata| self.text(metadata, "namespace", "metadata.namespace"));
        id.namespace = self.namespace(&id, place, namespace)?;
        self.unknown_fields(&id, node);
        Some(RawResource {
            api_version: api_version.unwrap_or_else(|| API_VERSION.to_owned()),
            annotations: self.text_map(&id, metadata, "annotations"),
            labels: self.text_map(&id, metadata, "labels"),
            spec: node.get("spec").cloned().unwrap_or(Node { value: NodeValue::Null, position: place }),
            location: Location::new(self.file, place),
            id,
        })
    }

    /// Kind and name, or a problem that names all that is missing.
    fn identity(&mut self, node: &Node, kind: Option<String>) -> Option<ResourceId> {
        let name = node.get("metadata").and_then(|metadata| self.text(metadata, "name", "metadata.name"));
        let absent =
            |node: Option<&Node>| node.is_none_or(|node| node.is_null() || node.as_str() == Some(""));
        let message = match (
            absent(node.get("kind")),
            absent(node.get("metadata").and_then(|node| node.get("name"))),
        ) {
            (true, true) => "the document is no resource: kind and metadata.name are missing; add them",
            (true, false) => "the document is no resource: kind is missing; add it",
            (false, true) => "the document is no resource: metadata.name is missing; add it",
            (false, false) => "",
        };
        if !message.is_empty() {
            self.problem(Severity::Error, node.position, message.to_owned());
        }
        // What is there but no text has its own problem.
        let (kind, name) = (kind?, name?);
        Some(ResourceId { kind: kind.into(), namespace: "".into(), name: name.into() })
    }

    fn namespace(&mut self, id: &ResourceId, place: Position, written: Option<String>) -> Option<Arc<str>> {
        let namespace = written.map(Arc::from).or_else(|| self.options.default_namespace.clone());
        if namespace.is_none() {
            let message = format!(
                "metadata.namespace of {} {} is missing; add it: rules apply to the requests of their namespace",
                id.kind, id.name
            );
            self.problem(Severity::Error, place, message);
        }
        namespace
    }

    fn check_version(&mut self, id: &ResourceId, place: Position, version: Option<&str>) {
        let message = match version {
            Some(API_VERSION) => return,
            Some(other) => format!("apiVersion {other} of {} {} is read as {API_VERSION}", id.kind, id.name),
            None => format!("{} {} has no apiVersion; {API_VERSION} is assumed", id.kind, id.name),
        };
        self.problem(Severity::Warning, place, message);
    }

    fn unknown_fields(&mut self, id: &ResourceId, node: &Node) {
        for (key, _) in node.entries().iter().filter(|(key, _)| !FIELDS.contains(&key.text.as_str())) {
            let hint = hint(&key.text, FIELDS);
            let mut problem = Problem::in_file(
                Severity::Warning,
                Location::new(self.file, key.position),
                format!("a resource has no field of this name, it plays no part{hint}"),
            );
            problem.resource = Some(id.clone());
            problem.field.clone_from(&key.text);
            self.problems.push(problem);
        }
    }

    /// The text of a field; a problem when it is something else than text, `None` when missing or empty.
    fn text(&mut self, node: &Node, key: &str, path: &str) -> Option<String> {
        let value = node.get(key)?;
        match &value.value {
            NodeValue::Null => None,
            NodeValue::String(text) if text.is_empty() => None,
            NodeValue::String(text) => Some(text.clone()),
            _ => {
                let message = format!("{path} must be text but is a {}; put it in quotes", value.kind());
                self.problem(Severity::Error, value.position, message);
                None
            }
        }
    }

    fn text_map(&mut self, id: &ResourceId, metadata: Option<&Node>, key: &str) -> BTreeMap<String, String> {
        let Some(node) = metadata.and_then(|metadata| metadata.get(key)) else { return BTreeMap::new() };
        let mut map = BTreeMap::new();
        for (entry, value) in node.entries() {
            match value.as_str() {
                Some(text) => {
                    map.insert(entry.text.clone(), text.to_owned());
                }
                None => {
                    let mut problem = Problem::in_file(
                        Severity::Warning,
                        Location::new(self.file, value.position),
                        format!("must be text but is a {}, it plays no part; put it in quotes", value.kind()),
                    );
                    problem.resource = Some(id.clone());
                    problem.field = format!("metadata.{key}[{}]", entry.text);
                    self.problems.push(problem);
                }
            }
        }
        map
    }

    fn problem(&mut self, severity: Severity, position: Position, message: String) {
        self.problems.push(Problem::in_file(severity, Location::new(self.file, position), message));
    }
}

/// Whether the version is one of the group, whichever.
fn is_ours(version: &str) -> bool {
    version.strip_prefix(API_GROUP).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
