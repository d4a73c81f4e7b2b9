//! From a handler's `params` to the bytes of the adapter's configuration message.
//!
//! Field names are proto or JSON names; values follow the JSON form of protobuf, with Go duration text for
//! durations and integers with base prefixes on top. What is given is written even when it is the default, fields
//! in number order and map entries in key order, so equal params give equal bytes.

mod well_known;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::descriptor::{DescriptorSet, map_kinds};
use crate::problem::{Problems, element_path, expected, fields_of};
use crate::scalar::{from_node, from_text, is_delimited, wire_type};
use crate::template::TemplateError;
use crate::wire::{WireType, put_bytes_field, put_delimited, put_tag};
use crate::{Key, Node, NodeValue, ParamsProblem};

/// How deep messages may nest in a document.
pub(crate) const MAX_DEPTH: usize = 64;

/// The configuration message of an adapter.
#[derive(Clone, Debug)]
pub struct ParamsMessage(MessageDescriptor);

impl ParamsMessage {
    /// Finds the message called `Params` in the descriptor set of an adapter's `config.proto`; of several the one
    /// in the last file.
    ///
    /// # Errors
    /// The bytes are not a descriptor set, or no file has such a message at top level.
    pub fn find(descriptor_set: &[u8]) -> Result<Self, TemplateError> {
        let set = DescriptorSet::decode(descriptor_set)?;
        let file = set.files.iter().rfind(|file| file.message_type.iter().any(|m| m.name() == "Params"));
        let package = file.ok_or_else(|| TemplateError::NoParams("Params".to_owned()))?.package();
        let name = if package.is_empty() { "Params".to_owned() } else { format!("{package}.Params") };
        Self::of(&set, &name)
    }

    /// Finds a message by its full name.
    ///
    /// # Errors
    /// The bytes are not a descriptor set, or no file has such a message.
    pub fn named(descriptor_set: &[u8], full_name: &str) -> Result<Self, TemplateError> {
        Self::of(&DescriptorSet::decode(descriptor_set)?, full_name)
    }

    fn of(set: &DescriptorSet, full_name: &str) -> Result<Self, TemplateError> {
        // Every file, not only what the message uses: an Any may hold any type of the set.
        let pool = set.pool(0..set.files.len())?;
        let message = pool.get_message_by_name(full_name);
        message.map(Self).ok_or_else(|| TemplateError::NoParams(full_name.to_owned()))
    }

    /// Full name of the message.
    pub fn full_name(&self) -> &str {
        self.0.full_name()
    }

    /// The type URL under which the bytes travel in an `Any`.
    pub fn type_url(&self) -> String {
        format!("type.googleapis.com/{}", self.full_name())
    }

    /// The descriptor.
    pub fn descriptor(&self) -> &MessageDescriptor {
        &self.0
    }

    /// Encodes `params`; without any the message is empty.
    ///
    /// # Errors
    /// Every problem of the document at once.
    pub fn encode(&self, params: &Node) -> Result<Vec<u8>, Vec<ParamsProblem>> {
        encode_message(&self.0, params)
    }
}

/// Encodes a document as a message; see the module's documentation for the rules.
///
/// # Errors
/// Every problem of the document at once.
pub fn encode_message(message: &MessageDescriptor, node: &Node) -> Result<Vec<u8>, Vec<ParamsProblem>> {
    let mut encoder = Encoder { problems: Problems::default(), depth: 0 };
    let bytes = if node.is_null() { Vec::new() } else { encoder.message(message, node, "") };
    encoder.problems.finish(bytes)
}

struct Encoder {
    problems: Problems,
    depth: usize,
}

impl Encoder {
    /// The bytes of a message; of a wrong value nothing, with a problem noted.
    fn message(&mut self, message: &MessageDescriptor, node: &Node, path: &str) -> Vec<u8> {
        if self.depth >= MAX_DEPTH {
            let text = format!("nested deeper than {MAX_DEPTH} levels; flatten the document");
            self.problems.add(path, node.position, text);
            return Vec::new();
        }
        self.depth += 1;
        let bytes =
            self.well_known(message, node, path).unwrap_or_else(|| self.plain_message(message, node, path));
        self.depth -= 1;
        bytes
    }

    fn plain_message(&mut self, message: &MessageDescriptor, node: &Node, path: &str) -> Vec<u8> {
        let NodeValue::Map(entries) = &node.value else {
            let text = expected(&format!("a map ({})", message.full_name()), node);
            self.problems.add(path, node.position, text);
            return Vec::new();
        };
        self.fields(message, entries.iter(), path)
    }

    fn fields<'n>(
        &mut self,
        message: &MessageDescriptor,
        entries: impl Iterator<Item = &'n (Key, Node)>,
        path: &str,
    ) -> Vec<u8> {
        let mut fields = fields_of(message, entries, path, &mut self.problems);
        // Encoded in number order; problems are sorted by place in the end.
        fields.sort_by_key(|(field, ..)| field.number());
        let mut out = Vec::new();
        for (field, node, path) in fields {
            self.field(&field, node, &path, &mut out);
        }
        out
    }

    fn field(&mut self, field: &FieldDescriptor, node: &Node, path: &str, out: &mut Vec<u8>) {
        if field.is_map() {
            self.map(field, node, path, out);
        } else if field.is_list() {
            self.list(field, node, path, out);
        } else {
            self.value(&field.kind(), node, path, |kind, payload| {
                put_field(out, field.number(), kind, payload)
            });
        }
    }

    fn value(&mut self, kind: &Kind, node: &Node, path: &str, put: impl FnOnce(&Kind, &[u8])) {
        let payload = match kind {
            Kind::Message(message) => self.message(message, node, path),
            _ => match from_node(kind, node) {
                Ok(payload) => payload,
                Err(message) => return self.problems.add(path, node.position, message),
            },
        };
        put(kind, &payload);
    }

    fn list(&mut self, field: &FieldDescriptor, node: &Node, path: &str, out: &mut Vec<u8>) {
        let NodeValue::List(elements) = &node.value else {
            return self.problems.add(path, node.position, expected("a list", node));
        };
        let mut packed = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            let path = element_path(path, index);
            self.value(&field.kind(), element, &path, |kind, payload| match field.is_packed() {
                true => packed.extend_from_slice(payload),
                false => put_field(out, field.number(), kind, payload),
            });
        }
        if !packed.is_empty() {
            put_bytes_field(out, field.number(), &packed);
        }
    }

    fn map(&mut self, field: &FieldDescriptor, node: &Node, path: &str, out: &mut Vec<u8>) {
        let (Some((key_kind, value_kind)), NodeValue::Map(entries)) = (map_kinds(field), &node.value) else {
            return self.problems.add(path, node.position, expected("a map", node));
        };
        let mut encoded = Vec::with_capacity(entries.len());
        for (key, node) in entries {
            let path = element_path(path, &key.text);
            match map_key(&key_kind, &key.text) {
                Ok((order, key_bytes)) => self.value(&value_kind, node, &path, |kind, payload| {
                    let mut bytes = key_bytes;
                    put_field(&mut bytes, 2, kind, payload);
                    encoded.push((order, key.position, path.clone(), bytes));
                }),
                Err(message) => self.problems.add(&path, key.position, message),
            }
        }
        encoded.sort_by(|a, b| a.0.cmp(&b.0));
        for pair in encoded.windows(2) {
            if pair[0].0 == pair[1].0 {
                self.problems.add(&pair[1].2, pair[1].1, "this key is given twice; remove one of the two");
            }
        }
        for (.., bytes) in encoded {
            put_bytes_field(out, field.number(), &bytes);
        }
    }
}

/// Appends one value with tag and, where needed, length.
pub(crate) fn put_field(out: &mut Vec<u8>, number: u32, kind: &Kind, payload: &[u8]) {
    put_tag(out, number, wire_type(kind));
    match is_delimited(kind) {
        true => put_delimited(out, payload),
        false => out.extend_from_slice(payload),
    }
}

/// The order among the keys of a map: numbers by value, text by bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KeyOrder {
    Number(i128),
    Text(String),
}

/// Order and field bytes of a map key, which is always literal text.
pub(crate) fn map_key(kind: &Kind, text: &str) -> Result<(KeyOrder, Vec<u8>), String> {
    let payload = from_text(kind, text)?;
    let order = match wire_type(kind) {
        WireType::Bytes => KeyOrder::Text(text.to_owned()),
        _ => KeyOrder::Number(match text {
            "false" => 0,
            "true" => 1,
            _ => crate::scalar::parse_integer(text).unwrap_or_default(),
        }),
    };
    let mut bytes = Vec::new();
    put_field(&mut bytes, 1, kind, &payload);
    Ok((order, bytes))
}
