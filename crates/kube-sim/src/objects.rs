//! The objects and their history, by path. A path is that of the API without the query.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A change.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub(crate) what: &'static str,
    pub(crate) path: String,
    pub(crate) object: Value,
}

/// An answer that is an error: code and text.
pub(crate) type Refusal = (u16, String);

#[derive(Debug, Default)]
pub(crate) struct Objects {
    by_path: BTreeMap<String, Value>,
    history: Vec<Change>,
    version: u64,
    /// Versions up to this one are forgotten.
    forgotten: u64,
    uids: u64,
}

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const GROUP: &str = "config.istio.io";

impl Objects {
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn compact(&mut self) {
        // The next version is another one, so that a watch from now is too old as well.
        self.version += 1;
        self.forgotten = self.version;
        self.history.clear();
    }

    /// Changes of a collection after a version; `None` when it is too far back.
    pub(crate) fn since(&self, collection: &str, version: u64) -> Option<Vec<Change>> {
        if version < self.forgotten {
            return None;
        }
        let of = |change: &&Change| change.version > version && is_below(&change.path, collection);
        Some(self.history.iter().filter(of).cloned().collect())
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, Refusal> {
        self.by_path.get(path).cloned().ok_or_else(|| (404, format!("{path} not found")))
    }

    /// The objects of a collection, of one namespace or of all.
    pub(crate) fn list(&self, collection: &str) -> Vec<(String, Value)> {
        let of = self.by_path.iter().filter(|(path, _)| is_below(path, collection));
        of.map(|(path, object)| (path.clone(), object.clone())).collect()
    }

    /// Puts anything in, sound or not.
    pub(crate) fn put_raw(&mut self, path: &str, mut object: Value) {
        self.version += 1;
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("resourceVersion".to_owned(), self.version.to_string().into());
        }
        let what = if self.by_path.contains_key(path) { "MODIFIED" } else { "ADDED" };
        self.by_path.insert(path.to_owned(), object.clone());
        self.history.push(Change { version: self.version, what, path: path.to_owned(), object });
    }

    /// POST to a collection.
    pub(crate) fn create(&mut self, collection: &str, mut object: Value) -> Result<Value, Refusal> {
        let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
        let metadata = metadata.ok_or((422, "metadata is missing".to_owned()))?;
        self.uids += 1;
        if let (None, Some(prefix)) =
            (metadata.get("name"), metadata.get("generateName").and_then(Value::as_str))
        {
            let name = format!("{prefix}{:05}", self.uids);
            metadata.insert("name".to_owned(), name.into());
        }
        let name = metadata
            .get("name")
            .and_then(Value::as_str)
            .ok_or((422, "metadata.name is missing".to_owned()))?;
        let path = format!("{collection}/{name}");
        if self.by_path.contains_key(&path) {
            return Err((409, format!("{path} already exists")));
        }
        if let Some(namespace) = namespace_of(collection) {
            metadata.insert("namespace".to_owned(), namespace.into());
        }
        metadata.insert("uid".to_owned(), format!("uid-{}", self.uids).into());
        metadata.insert("generation".to_owned(), 1.into());
        metadata.insert("creationTimestamp".to_owned(), "2020-01-01T00:00:00Z".into());
        if let Some(map) = object.as_object_mut()
            && self.has_status(&path)
        {
            map.remove("status");
        }
        self.put_raw(&path, object);
        self.get(&path)
    }

    /// PUT, or the outcome of a PATCH, of an object or of its status.
    pub(crate) fn replace(&mut self, path: &str, mut new: Value, is_status: bool) -> Result<Value, Refusal> {
        let old = self.get(path)?;
        let wanted = new.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        if wanted.is_some_and(|wanted| Some(wanted) != version_of(&old)) {
            return Err((
                409,
                format!(
                    "{path}: the object has been modified; please apply your changes to the latest version"
                ),
            ));
        }
        let separate = self.has_status(path);
        if is_status && !separate {
            return Err((404, format!("{path}/status not found")));
        }
        if is_status {
            let status = new.get("status").cloned().unwrap_or_default();
            new = old.clone();
            new["status"] = status;
        } else if separate {
            match (old.get("status"), new.as_object_mut()) {
                (Some(status), Some(new)) => drop(new.insert("status".to_owned(), status.clone())),
                (None, Some(new)) => drop(new.remove("status")),
                _ => {}
            }
        }
        let mut metadata = new.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        for field in ["uid", "creationTimestamp", "generation", "namespace", "name", "resourceVersion"] {
            if let Some(kept) = old.pointer(&format!("/metadata/{field}")) {
                metadata.insert(field.to_owned(), kept.clone());
            }
        }
        let without = |object: &Value| {
            let mut map = object.as_object().cloned().unwrap_or_default();
            map.remove("metadata");
            map.remove("status");
            map
        };
        if without(&old) != without(&new) {
            let generation = metadata.get("generation").and_then(Value::as_i64).unwrap_or(0);
            metadata.insert("generation".to_owned(), (generation + 1).into());
        }
        new["metadata"] = Value::Object(metadata);
        if new != old {
            self.put_raw(path, new);
        }
        self.get(path)
    }

    pub(crate) fn delete(&mut self, path: &str) -> Result<Value, Refusal> {
        let mut object = self.get(path)?;
        self.by_path.remove(path);
        self.version += 1;
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("resourceVersion".to_owned(), self.version.to_string().into());
        }
        let change =
            Change { version: self.version, what: "DELETED", path: path.to_owned(), object: object.clone() };
        self.history.push(change);
        Ok(object)
    }

    /// Whether status is a resource of its own: what the definition says, where there is one.
    pub(crate) fn has_status(&self, path: &str) -> bool {
        let Some(plural) = path.rsplit('/').nth(1).filter(|_| path.contains(GROUP)) else { return false };
        self.definitions().any(|definition| {
            definition.pointer("/spec/names/plural").and_then(Value::as_str) == Some(plural)
                && definition.pointer("/spec/versions/0/subresources/status").is_some()
        })
    }

    pub(crate) fn is_defined(&self, collection: &str) -> bool {
        let Some(plural) = collection.rsplit('/').next().filter(|_| collection.contains(GROUP)) else {
            return true;
        };
        self.definitions()
            .any(|one| one.pointer("/spec/names/plural").and_then(Value::as_str) == Some(plural))
    }

    fn definitions(&self) -> impl Iterator<Item = &Value> {
        let all = self.by_path.iter().filter(|(path, _)| path.starts_with(CRDS));
        all.map(|(_, object)| object)
            .filter(|object| object.pointer("/spec/group").and_then(Value::as_str) == Some(GROUP))
    }

    /// The `APIResourceList` of the group.
    pub(crate) fn group(&self) -> Result<Value, Refusal> {
        let mut resources = Vec::new();
        for definition in self.definitions() {
            let names = definition.pointer("/spec/names").cloned().unwrap_or_default();
            let verbs =
                json!(["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]);
            let resource = json!({
                "name": names["plural"], "singularName": names["singular"], "kind": names["kind"],
                "namespaced": true, "verbs": verbs, "categories": names["categories"],
            });
            resources.push(resource);
            if definition.pointer("/spec/versions/0/subresources/status").is_some() {
                let name = format!("{}/status", names["plural"].as_str().unwrap_or_default());
                let verbs = json!(["get", "patch", "update"]);
                resources.push(json!({"name": name, "singularName": "", "kind": names["kind"], "namespaced": true, "verbs": verbs}));
            }
        }
        match resources.is_empty() {
            true => Err((404, "the server could not find the requested resource".to_owned())),
            false => Ok(json!({
                "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "config.istio.io/v1alpha2", "resources": resources,
            })),
        }
    }
}

pub(crate) fn version_of(object: &Value) -> Option<&str> {
    object.pointer("/metadata/resourceVersion").and_then(Value::as_str)
}

/// RFC 7386.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (key, value) in patch {
        match value {
            Value::Null => drop(target.remove(key)),
            value => merge(target.entry(key.clone()).or_insert(Value::Null), value),
        }
    }
}

fn namespace_of(collection: &str) -> Option<&str> {
    let (_, rest) = collection.split_once("/namespaces/")?;
    rest.split('/').next()
}

/// Whether an object is of a collection, which may leave out the namespace.
fn is_below(path: &str, collection: &str) -> bool {
    let Some((parent, _)) = path.rsplit_once('/') else { return false };
    if parent == collection {
        return true;
    }
    let (Some((root, plural)), Some((before, after))) =
        (collection.rsplit_once('/'), parent.split_once("/namespaces/"))
    else {
        return false;
    };
    root == before && after.split_once('/').is_some_and(|(_, rest)| rest == plural)
}
