//! The rules about fields: names, numbers, types, and nothing that the generated messages could not keep.

use mixer_template::{NAME_FIELD, Variety};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::file::Checker;
use super::{Field, Item, Message, Policy, Shape};
use crate::Rule;

/// Name and number of the field of `InstanceParam` that binds outputs to attributes.
pub(crate) const BINDINGS: (&str, u32) = ("attribute_bindings", 72_295_728);

/// What a message is to its template.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Template,
    Output,
    Resource,
}

/// Reads a message; of a field with a type that is not legal nothing but a diagnostic remains.
pub(super) fn read(
    checker: &mut Checker<'_>,
    message: &MessageDescriptor,
    role: Role,
    variety: Variety,
) -> Message {
    let file = message.parent_file();
    let mut fields = Vec::new();
    // Reflection goes by number; the generated messages keep the author's order.
    let numbers =
        message.descriptor_proto().field.iter().filter_map(|field| u32::try_from(field.number()).ok());
    for field in numbers.filter_map(|number| message.get_field(number)) {
        let refusals = [
            name(&field, role, variety),
            number(&field, role, variety),
            plain(&field).map(|text| (Rule::PlainField, text)),
        ];
        for (rule, text) in refusals.into_iter().flatten() {
            checker.refuse(&file, field.path(), rule, text);
        }
        match classify(&field, role, variety) {
            Ok((shape, item)) => fields.push(Field {
                name: field.name().to_owned(),
                number: field.number(),
                comment: checker.comment(&file, field.path()),
                shape,
                item,
            }),
            Err((rule, text)) => checker.refuse(&file, field.path(), rule, text),
        }
    }
    Message { name: message.name().to_owned(), comment: checker.comment(&file, message.path()), fields }
}

type Refusal = (Rule, String);

fn name(field: &FieldDescriptor, role: Role, variety: Variety) -> Option<Refusal> {
    let message = field.parent_message().name().to_owned();
    let bindings = role == Role::Template && variety == Variety::AttributeGenerator;
    let taken = field.name().eq_ignore_ascii_case("name") || bindings && field.name() == BINDINGS.0;
    taken.then(|| {
        let text =
            format!("{message} must not have a field {:?}, which is reserved; rename it", field.name());
        (Rule::ReservedName, text)
    })
}

fn number(field: &FieldDescriptor, role: Role, variety: Variety) -> Option<Refusal> {
    let user = match field.number() {
        NAME_FIELD if role == Role::Template => "the instance's name",
        number
            if number == BINDINGS.1 && role == Role::Template && variety == Variety::AttributeGenerator =>
        {
            "attribute bindings"
        }
        _ => return None,
    };
    let text = format!("field {:?} has the number {}, which is that of {user}", field.name(), field.number());
    Some((Rule::ReservedNumber, format!("{text}; choose another")))
}

/// What the generated messages could not keep of a field.
fn plain(field: &FieldDescriptor) -> Option<String> {
    let proto = field.field_descriptor_proto();
    let what = match field.containing_oneof() {
        Some(oneof) if oneof.is_synthetic() => {
            "is optional; instances cannot tell unset from zero".to_owned()
        }
        Some(oneof) => format!("is part of the oneof {:?}", oneof.name()),
        None if proto.options.as_ref().is_some_and(|options| options.packed == Some(false)) => {
            "has the option packed = false".to_owned()
        }
        None if proto.json_name.as_deref().is_some_and(|name| name != json_name(field.name())) => {
            "has the option json_name".to_owned()
        }
        None => return None,
    };
    Some(format!("field {:?} {what}; write it as a plain field", field.name()))
}

/// The name that protobuf derives for JSON.
fn json_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        match letter {
            '_' => upper = true,
            letter if upper => {
                out.push(letter.to_ascii_uppercase());
                upper = false;
            }
            letter => out.push(letter),
        }
    }
    out
}

fn classify(field: &FieldDescriptor, role: Role, variety: Variety) -> Result<(Shape, Item), Refusal> {
    let kind = field.kind();
    let (shape, item) = match &kind {
        Kind::Message(entry) if field.is_map() => {
            let key = entry.map_entry_key_field().kind();
            let item = item(field, &entry.map_entry_value_field().kind());
            let item = if matches!(key, Kind::String) { item } else { Err(format!("map key {key:?}")) };
            (Shape::Map, item)
        }
        kind => (if field.is_list() { Shape::List } else { Shape::One }, item(field, kind)),
    };
    let item = item.and_then(|item| match (&item, role) {
        (Item::Policy(Policy::Value), Role::Output) => Err(item.proto().to_owned()),
        (Item::Policy(Policy::Value), _) if variety == Variety::AttributeGenerator => {
            Err(item.proto().to_owned())
        }
        (Item::Message(name), Role::Output) => Err(format!("message {name}")),
        (_, Role::Output) if shape == Shape::List => Err(format!("repeated {}", item.proto())),
        (_, Role::Output) if shape == Shape::Map && item != Item::String => {
            Err(format!("map<string, {}>", item.proto()))
        }
        _ => Ok(item),
    });
    item.map(|item| (shape, item)).map_err(|found| refusal(field, role, variety, &found))
}

/// What one value of a field is, or the type that it cannot be.
fn item(field: &FieldDescriptor, kind: &Kind) -> Result<Item, String> {
    Ok(match kind {
        Kind::String => Item::String,
        Kind::Int64 => Item::Int64,
        Kind::Double => Item::Double,
        Kind::Bool => Item::Bool,
        Kind::Message(message) => {
            let policy = Policy::ALL.into_iter().find(|policy| policy.proto() == message.full_name());
            match policy {
                Some(policy) => Item::Policy(policy),
                // A message declared within another one has a diagnostic of its own.
                None if is_resource(message, field) => Item::Message(message.name().to_owned()),
                None => return Err(format!("message {}", message.full_name())),
            }
        }
        Kind::Enum(descriptor) => return Err(format!("enum {}", descriptor.full_name())),
        scalar => return Err(format!("{scalar:?}").to_lowercase()),
    })
}

/// Whether a message of a field is one that the generated forms are made of.
fn is_resource(message: &MessageDescriptor, field: &FieldDescriptor) -> bool {
    message.package_name() == field.parent_message().package_name()
        && !["Template", "OutputTemplate"].contains(&message.name())
}

fn refusal(field: &FieldDescriptor, role: Role, variety: Variety, found: &str) -> Refusal {
    let message = field.parent_message().name().to_owned();
    let name = field.name();
    let policy = |policy: &Policy| *policy != Policy::Value || variety != Variety::AttributeGenerator;
    if role == Role::Output {
        let policies = names(|policy| *policy != Policy::Value);
        let text = format!(
            "unsupported type for field {name:?} of {message}: {found}; use string, int64, double, bool, \
             {policies}, or map<string, string>"
        );
        return (Rule::OutputFieldType, text);
    }
    let text = format!(
        "unsupported type for field {name:?} of {message}: {found}; use string, int64, double, bool, {}, a message of \
         the same package, map<string, any of these>, or repeated any of these",
        names(policy)
    );
    (Rule::FieldType, text)
}

fn names(wanted: impl Fn(&Policy) -> bool) -> String {
    let names = Policy::ALL.iter().filter(|policy| wanted(policy)).map(|policy| policy.proto());
    names.collect::<Vec<_>>().join(", ")
}
