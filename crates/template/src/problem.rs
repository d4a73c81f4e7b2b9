//! What is wrong with `params`: every problem with its path and place, so that one run names them all.

use std::fmt;

use prost_reflect::{EnumDescriptor, FieldDescriptor, MessageDescriptor};

use crate::{Key, Node, Position};

/// One thing that is wrong with `params`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamsProblem {
    /// Path of the value below `params`, such as `dimensions[source_app]` or `metrics[2].label_names`; empty for
    /// the whole.
    pub path: String,
    /// Place of the value (or of its key) in the document.
    pub position: Position,
    /// Place within the expression's text when the value is an expression that does not compile.
    pub expression_position: Option<Position>,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for ParamsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Collects problems while a document is walked.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<ParamsProblem>);

impl Problems {
    pub(crate) fn add(&mut self, path: &str, position: Position, message: impl Into<String>) {
        self.push(ParamsProblem {
            path: path.to_owned(),
            position,
            expression_position: None,
            message: message.into(),
        });
    }

    pub(crate) fn push(&mut self, problem: ParamsProblem) {
        self.0.push(problem);
    }

    /// How many so far: lets a caller see whether a part of the walk failed.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Adds to the text of the last problem.
    pub(crate) fn amend_last(&mut self, more: &str) {
        if let Some(problem) = self.0.last_mut() {
            problem.message.push_str(more);
        }
    }

    /// The result when nothing went wrong, else every problem in the order of the document.
    pub(crate) fn finish<T>(mut self, result: T) -> Result<T, Vec<ParamsProblem>> {
        if self.0.is_empty() {
            return Ok(result);
        }
        self.0.sort_by_key(|problem| problem.position);
        Err(self.0)
    }
}

/// The path of a field below another path.
pub(crate) fn field_path(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The path of a map entry or list element.
pub(crate) fn element_path(path: &str, key: impl fmt::Display) -> String {
    format!("{path}[{key}]")
}

/// "expected X, found Y" with the value when it is short.
pub(crate) fn expected(what: &str, node: &Node) -> String {
    match node.as_str() {
        Some(text) if text.chars().count() <= 40 => format!("expected {what}, found the text {text:?}"),
        _ if node.is_null() => format!("expected {what}, found nothing"),
        _ => format!("expected {what}, found a {}", node.kind()),
    }
}

/// The fields of a message that the entries of a mapping name, each once. Unknown and repeated keys and two
/// members of one `oneof` are problems; entries without a value are left out.
pub(crate) fn fields_of<'n>(
    message: &MessageDescriptor,
    entries: impl Iterator<Item = &'n (Key, Node)>,
    path: &str,
    problems: &mut Problems,
) -> Vec<(FieldDescriptor, &'n Node, String)> {
    let mut found: Vec<(FieldDescriptor, &Node, String)> = Vec::new();
    for (key, node) in entries {
        let field =
            message.get_field_by_name(&key.text).or_else(|| message.get_field_by_json_name(&key.text));
        let Some(field) = field else {
            problems.add(&field_path(path, &key.text), key.position, unknown_field(&key.text, message));
            continue;
        };
        if node.is_null() {
            continue;
        }
        let path = field_path(path, field.name());
        if found.iter().any(|(other, ..)| *other == field) {
            problems.add(&path, key.position, "this field is given twice; remove one of the two");
            continue;
        }
        let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
        let rival = oneof.and_then(|oneof| {
            found.iter().find(|(other, ..)| other.containing_oneof().as_ref() == Some(&oneof))
        });
        if let Some((rival, ..)) = rival {
            let message = format!("only one of {} and {} can be set; remove one", rival.name(), field.name());
            problems.add(&path, key.position, message);
            continue;
        }
        found.push((field, node, path));
    }
    found
}

fn unknown_field(key: &str, message: &MessageDescriptor) -> String {
    let names: Vec<String> = message.fields().map(|field| field.name().to_owned()).collect();
    format!("field {key:?} not found in message {}; {}", message.full_name(), choices(key, &names))
}

/// Text for an enum value name that does not exist.
pub(crate) fn unknown_enum_value(value: &str, descriptor: &EnumDescriptor) -> String {
    let names: Vec<String> = descriptor.values().map(|value| value.name().to_owned()).collect();
    format!("unrecognized value {value:?} for enum {}; {}", descriptor.full_name(), choices(value, &names))
}

/// "did you mean …?" when a name is near, and the names when there are not too many.
fn choices(wrong: &str, names: &[String]) -> String {
    const SHOWN: usize = 24;
    let wrong = wrong.to_lowercase().replace('_', "");
    let near = names
        .iter()
        .map(|name| (strsim::osa_distance(&wrong, &name.to_lowercase().replace('_', "")), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4);
    let list = match names.len() {
        0 => "there is no name to choose from".to_owned(),
        1..=SHOWN => format!("use one of {}", names.join(", ")),
        more => format!("use one of {}, … ({more} names)", names[..SHOWN].join(", ")),
    };
    match near {
        Some((_, name)) => format!("did you mean {name}? ({list})"),
        None => list,
    }
}
