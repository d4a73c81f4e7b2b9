//! The fields of a specification, taken one by one: proto or JSON names, the JSON forms of protobuf, and a
//! problem for everything that is left.

use mixer_template::{Key, Node, NodeValue, Position};

use crate::nearest::hint;
use crate::report::Report;

/// Text and where it stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Text<'r> {
    pub(crate) text: &'r str,
    pub(crate) position: Position,
}

impl<'r> Text<'r> {
    /// The text without blanks at both ends.
    pub(crate) fn trimmed(self) -> &'r str {
        self.text.trim()
    }
}

/// The entries of a map that were not taken yet.
pub(crate) struct Fields<'r> {
    left: Vec<&'r (Key, Node)>,
    known: Vec<&'static str>,
    path: String,
}

impl<'r> Fields<'r> {
    /// The fields of a map; none, with a problem, of anything else. Nothing at all is an empty map.
    pub(crate) fn of(node: &'r Node, path: &str, report: &mut Report<'_>) -> Self {
        let left = match &node.value {
            NodeValue::Map(entries) => entries.iter().collect(),
            NodeValue::Null => Vec::new(),
            _ => {
                report.error(path, node.position, format!("must be a map but is a {}", node.kind()));
                Vec::new()
            }
        };
        Self { left, known: Vec::new(), path: path.to_owned() }
    }

    /// Path of a field below this map.
    pub(crate) fn path(&self, field: &str) -> String {
        format!("{}.{field}", self.path)
    }

    /// Takes a field by its proto name (`request_header_operations`), also when it is written the JSON way
    /// (`requestHeaderOperations`). `null` counts as absent.
    pub(crate) fn take(&mut self, name: &'static str, report: &mut Report<'_>) -> Option<&'r Node> {
        self.known.push(name);
        let mut found: Option<&'r Node> = None;
        let path = &self.path;
        self.left.retain(|(key, node)| {
            if !is_name(&key.text, name) {
                return true;
            }
            if found.is_some() {
                let text = "this field is given twice; remove one of the two";
                report.error(&format!("{path}.{name}"), key.position, text);
            }
            found = found.or(Some(node));
            false
        });
        found.filter(|node| !node.is_null())
    }

    /// Takes a text; empty text counts as absent, as it does in protobuf.
    pub(crate) fn text(&mut self, name: &'static str, report: &mut Report<'_>) -> Option<Text<'r>> {
        let node = self.take(name, report)?;
        text(node, &self.path(&json_name(name)), report).filter(|text| !text.text.is_empty())
    }

    /// Takes a truth value.
    pub(crate) fn boolean(&mut self, name: &'static str, report: &mut Report<'_>) -> Option<bool> {
        let node = self.take(name, report)?;
        let NodeValue::Bool(value) = node.value else {
            let message = format!("must be true or false but is a {}", node.kind());
            report.error(&self.path(&json_name(name)), node.position, message);
            return None;
        };
        Some(value)
    }

    /// Takes a list; each element comes with its path.
    pub(crate) fn list(&mut self, name: &'static str, report: &mut Report<'_>) -> Vec<(String, &'r Node)> {
        let Some(node) = self.take(name, report) else { return Vec::new() };
        let path = self.path(&json_name(name));
        let NodeValue::List(items) = &node.value else {
            report.error(&path, node.position, format!("must be a list but is a {}", node.kind()));
            return Vec::new();
        };
        items.iter().enumerate().map(|(index, item)| (format!("{path}[{index}]"), item)).collect()
    }

    /// Takes a list of texts.
    pub(crate) fn texts(&mut self, name: &'static str, report: &mut Report<'_>) -> Vec<Text<'r>> {
        self.list(name, report).into_iter().filter_map(|(path, node)| text(node, &path, report)).collect()
    }

    /// A problem for every field that was not taken.
    pub(crate) fn finish(self, report: &mut Report<'_>) {
        for (key, _) in self.left {
            let names: Vec<String> = self.known.iter().map(|name| json_name(name)).collect();
            let hint = hint(&key.text, names.iter().map(String::as_str));
            let message = match names.is_empty() {
                true => "no field of this name exists; remove it".to_owned(),
                false => format!("no field of this name exists{hint} (the fields are {})", names.join(", ")),
            };
            report.error(&format!("{}.{}", self.path, key.text), key.position, message);
        }
    }
}

/// The text of a node; a problem when it is something else.
pub(crate) fn text<'r>(node: &'r Node, path: &str, report: &mut Report<'_>) -> Option<Text<'r>> {
    match node.as_str() {
        Some(text) => Some(Text { text, position: node.position }),
        None => {
            let what = node.kind();
            let hint = if matches!(what, "number" | "bool") { "; put it in quotes" } else { "" };
            report.error(path, node.position, format!("must be text but is a {what}{hint}"));
            None
        }
    }
}

/// Whether a key is a proto name or its JSON form.
fn is_name(key: &str, name: &str) -> bool {
    key == name || (key.len() <= name.len() && key == json_name(name))
}

/// `request_header_operations` as `requestHeaderOperations`.
pub(crate) fn json_name(name: &str) -> String {
    let mut json = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                json.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => json.push(c),
        }
    }
    json
}
