//! The resources of kind `template` and `adapter` as YAML text, with the keys and the order of the original's.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Name and namespace of a resource, as Kubernetes takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    name: String,
    namespace: String,
}

/// A name that Kubernetes would not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {name:?} is not a name that Kubernetes takes; use lower-case letters, digits, '-' and '.'")]
pub struct BadName {
    what: &'static str,
    name: String,
}

impl Metadata {
    /// Checks both names.
    ///
    /// # Errors
    /// One of them is not a name of RFC 1123.
    pub fn new(name: &str, namespace: &str) -> Result<Self, BadName> {
        for (what, name, dots) in [("name", name, true), ("namespace", namespace, false)] {
            if !is_name(name, dots) {
                return Err(BadName { what, name: name.to_owned() });
            }
        }
        Ok(Self { name: name.to_owned(), namespace: namespace.to_owned() })
    }

    fn head(&self, kind: &str) -> String {
        let Self { name, namespace } = self;
        format!(
            "apiVersion: \"config.istio.io/v1alpha2\"\nkind: {kind}\nmetadata:\n  name: {}\n  namespace: {}\nspec:\n",
            scalar(name),
            scalar(namespace)
        )
    }
}

/// A DNS label, or with `dots` a row of them.
fn is_name(name: &str, dots: bool) -> bool {
    let label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        inner && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    if dots { name.len() <= 253 && name.split('.').all(label) } else { label(name) }
}

/// A resource of kind `template`: `set` is the descriptor set of its handler service.
pub fn template_resource(metadata: &Metadata, set: &[u8]) -> String {
    format!("{}  descriptor: \"{}\"\n---\n", metadata.head("template"), STANDARD.encode(set))
}

/// What a resource of kind `adapter` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adapter {
    /// For people.
    pub description: String,
    /// Whether the adapter is configured by sessions instead of with every call.
    pub session_based: bool,
    /// Names of the templates whose instances it takes.
    pub templates: Vec<String>,
    /// Descriptor set of its configuration; empty when it has none.
    pub config: Vec<u8>,
}

/// A resource of kind `adapter`.
pub fn adapter_resource(metadata: &Metadata, adapter: &Adapter) -> String {
    let mut text = metadata.head("adapter");
    let Adapter { description, session_based, templates, config } = adapter;
    let templates = match templates.as_slice() {
        [] => " []".to_owned(),
        names => names.iter().map(|name| format!("\n  - {}", scalar(name))).collect(),
    };
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "  description: {}\n  session_based: {session_based}\n  templates:{templates}\n  config: \"{}\"\n---\n",
        quoted(description),
        STANDARD.encode(config)
    );
    text
}

/// Text as a YAML scalar: plain where it can only be read as that text.
fn scalar(text: &str) -> String {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b));
    let word = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    // What YAML 1.1, which Kubernetes' tools read, takes for something else.
    let special = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if plain && word && !special.contains(&text.to_lowercase().as_str()) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// Text in double quotes; YAML reads what JSON writes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
