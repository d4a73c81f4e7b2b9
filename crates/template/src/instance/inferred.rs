//! The inferred types of an instance: what its dynamic fields (`Value` and maps of it) turned out to hold.

use mixer_attribute::ValueType;
use prost_reflect::{Kind, MessageDescriptor};

use crate::descriptor::map_kinds;
use crate::wire::{put_bytes_field, put_varint, put_varint_field};

/// What was inferred for one field, map entry or list element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Inferred {
    /// A `Value` of this type.
    Value(ValueType),
    /// A message, by field name.
    Message(Vec<(String, Inferred)>),
    /// A map, by key.
    Map(Vec<(String, Inferred)>),
    /// A list.
    List(Vec<Inferred>),
}

/// The template's `Type` message for what was inferred.
pub(crate) fn encode(message: &MessageDescriptor, fields: &[(String, Inferred)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut descriptors: Vec<_> = message.fields().collect();
    descriptors.sort_by_key(|field| field.number());
    for field in descriptors {
        let Some((_, inferred)) = fields.iter().find(|(name, _)| name == field.name()) else { continue };
        match inferred {
            Inferred::Map(entries) if field.is_map() => {
                let Some((_, kind)) = map_kinds(&field) else { continue };
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                for (key, inferred) in entries {
                    let mut bytes = Vec::new();
                    put_bytes_field(&mut bytes, 1, key.as_bytes());
                    put_one(&mut bytes, 2, &kind, inferred);
                    put_bytes_field(&mut out, field.number(), &bytes);
                }
            }
            Inferred::List(elements) if field.is_list() => put_list(&mut out, &field, elements),
            Inferred::Value(ValueType::Unspecified) => {}
            inferred if !field.is_list() => put_one(&mut out, field.number(), &field.kind(), inferred),
            _ => {}
        }
    }
    out
}

fn put_list(out: &mut Vec<u8>, field: &prost_reflect::FieldDescriptor, elements: &[Inferred]) {
    let kind = field.kind();
    if !field.is_packed() {
        for element in elements {
            put_one(out, field.number(), &kind, element);
        }
        return;
    }
    let mut packed = Vec::new();
    for element in elements {
        if let Inferred::Value(value_type) = element {
            put_varint(&mut packed, *value_type as u64);
        }
    }
    put_bytes_field(out, field.number(), &packed);
}

fn put_one(out: &mut Vec<u8>, number: u32, kind: &Kind, inferred: &Inferred) {
    match (kind, inferred) {
        (Kind::Enum(_), Inferred::Value(value_type)) => put_varint_field(out, number, *value_type as u64),
        (Kind::Message(message), Inferred::Message(fields)) => {
            put_bytes_field(out, number, &encode(message, fields));
        }
        _ => {}
    }
}
