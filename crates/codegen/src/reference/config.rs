//! The reference of an adapter's configuration: `Params`, then every message and enum that it uses.

use prost_reflect::{EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};

use super::table::{link, section, table};
use crate::comments::Comments;

const HIDDEN: &str = "$hide_from_docs";

pub(super) fn reference(params: &MessageDescriptor, level: u8) -> String {
    let mut used = Used::default();
    used.message(params);
    let mut text = String::new();
    for (index, message) in used.messages.iter().enumerate() {
        let comments = Comments::of(&message.parent_file());
        let comment = comments.text(message.path());
        match index {
            0 if comment.is_empty() => {}
            0 => text = format!("{comment}\n\n"),
            _ => text.push_str(&section(level, message.name(), &comment)),
        }
        text.push_str(&fields(message, &comments));
    }
    for descriptor in &used.enums {
        let comments = Comments::of(&descriptor.parent_file());
        text.push_str(&section(level, descriptor.name(), &comments.text(descriptor.path())));
        text.push_str(&values(descriptor, &comments));
    }
    text
}

/// Messages and enums in the order in which a reader comes upon them.
#[derive(Default)]
struct Used {
    messages: Vec<MessageDescriptor>,
    enums: Vec<EnumDescriptor>,
}

impl Used {
    fn message(&mut self, root: &MessageDescriptor) {
        let mut pending = vec![root.clone()];
        while let Some(message) = pending.pop() {
            if self.messages.contains(&message) {
                continue;
            }
            let mut next = Vec::new();
            for field in shown(&message) {
                match value_kind(&field) {
                    Kind::Message(found) if is_own(&found.parent_file()) => next.push(found),
                    Kind::Enum(found) if is_own(&found.parent_file()) && !self.enums.contains(&found) => {
                        self.enums.push(found);
                    }
                    _ => {}
                }
            }
            pending.extend(next.into_iter().rev());
            self.messages.push(message);
        }
    }
}

/// Messages of protobuf itself are described by a word.
fn is_own(file: &FileDescriptor) -> bool {
    file.package_name() != "google.protobuf"
}

/// The fields that are not hidden, in the order of the file.
fn shown(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let comments = Comments::of(&message.parent_file());
    let numbers =
        message.descriptor_proto().field.iter().filter_map(|field| u32::try_from(field.number()).ok());
    let fields = numbers.filter_map(|number| message.get_field(number));
    fields.filter(|field| !comments.has_annotation(field.path(), HIDDEN)).collect()
}

/// The kind of a value: of a map that of its entries' values.
fn value_kind(field: &FieldDescriptor) -> Kind {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        kind => kind,
    }
}

fn fields(message: &MessageDescriptor, comments: &Comments) -> String {
    let rows: Vec<Vec<String>> = shown(message)
        .iter()
        .map(|field| {
            let mut meaning = comments.text(field.path());
            if let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
                let rivals = oneof.fields().filter(|rival| rival != field);
                let rivals: Vec<String> = rivals.map(|rival| format!("`{}`", rival.name())).collect();
                if !rivals.is_empty() {
                    meaning = format!("{meaning} Excludes {}.", rivals.join(", "));
                }
            }
            vec![format!("`{}`", field.name()), type_of(field), meaning]
        })
        .collect();
    if rows.is_empty() { "No fields.\n".to_owned() } else { table(&["field", "type", "meaning"], &rows) }
}

fn values(descriptor: &EnumDescriptor, comments: &Comments) -> String {
    let rows: Vec<Vec<String>> = descriptor
        .values()
        .filter(|value| !comments.has_annotation(value.path(), HIDDEN))
        .map(|value| vec![format!("`{}`", value.name()), comments.text(value.path())])
        .collect();
    table(&["value", "meaning"], &rows)
}

fn type_of(field: &FieldDescriptor) -> String {
    let value = match value_kind(field) {
        Kind::Message(message) => match message.full_name().strip_prefix("google.protobuf.") {
            Some("Duration") => "duration".to_owned(),
            Some("Timestamp") => "timestamp".to_owned(),
            Some(name) if name.ends_with("Value") && name != "Value" && name != "ListValue" => {
                name.trim_end_matches("Value").to_lowercase()
            }
            Some(_) => "any YAML".to_owned(),
            None => link(message.name()),
        },
        Kind::Enum(descriptor) if is_own(&descriptor.parent_file()) => link(descriptor.name()),
        Kind::Bytes => "bytes (base64)".to_owned(),
        kind => format!("{kind:?}").to_lowercase(),
    };
    match (field.is_map(), field.is_list()) {
        (true, _) => format!("map of {value}"),
        (_, true) => format!("list of {value}"),
        _ => value,
    }
}
