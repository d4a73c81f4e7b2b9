//! The walk over `params`: messages, lists and maps become steps; values are the business of `value`.

use mixer_expr::{Options, Scope};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::cache::BlockInterner;
use super::head::Head;
use super::inferred::Inferred;
use super::op::{Leaf, Op};
use super::value::{Part, Steps};
use super::{InstanceSource, NAME_FIELD, ParamsDialect};
use crate::descriptor::map_kinds;
use crate::params::{MAX_DEPTH, map_key};
use crate::problem::{Problems, element_path, expected, fields_of};
use crate::scalar::{is_delimited, wire_type};
use crate::template::Variety;
use crate::wire::{WireType, put_bytes_field, put_delimited, tag};
use crate::{Key, Node, NodeValue};

/// Fields by name with what was inferred of them.
type InferredFields = Vec<(String, Inferred)>;

/// The fields of one message.
#[derive(Default)]
struct Fields {
    /// By number.
    steps: Vec<(u32, Vec<Op>)>,
    inferred: InferredFields,
}

pub(super) struct Compiler<'c> {
    pub(super) scope: &'c mut dyn Scope,
    pub(super) options: &'c Options,
    pub(super) dialect: ParamsDialect,
    pub(super) blocks: &'c mut BlockInterner,
    pub(super) problems: Problems,
    pub(super) depth: usize,
    /// Within a map: its parts are not shared on their own.
    pub(super) in_map: bool,
}

impl Compiler<'_> {
    /// The whole `InstanceMsg`, with the instance's name.
    pub(super) fn instance(&mut self, source: &InstanceSource<'_>) -> (Vec<Op>, InferredFields) {
        let mut fields = Fields::default();
        match &source.params.value {
            NodeValue::Null => {}
            NodeValue::Map(entries) => {
                let entries = self.own_entries(source, entries);
                fields = self.fields(source.template.instance_message(), entries.into_iter(), "");
            }
            _ => self.problems.add("", source.params.position, expected("a map of fields", source.params)),
        }
        let mut name = Vec::new();
        put_bytes_field(&mut name, NAME_FIELD, source.name.as_bytes());
        fields.steps.push((NAME_FIELD, vec![Op::Constant(name.into())]));
        (in_order(fields.steps), fields.inferred)
    }

    /// The entries that are fields of the message as the template's author wrote it.
    fn own_entries<'n>(
        &mut self,
        source: &InstanceSource<'_>,
        entries: &'n [(Key, Node)],
    ) -> Vec<&'n (Key, Node)> {
        let generator = source.template.variety() == Variety::AttributeGenerator;
        let bindings = generator && self.dialect == ParamsDialect::Expressions;
        let name = source.template.instance_message().get_field(NAME_FIELD);
        let mut own = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = &entry.0;
            let is_name = name.as_ref().is_some_and(|name| key.text == name.name());
            if is_name && !self.options.compat {
                let message = "the name is set by the server; remove this field";
                self.problems.add(&key.text, key.position, message);
            }
            let is_bindings =
                bindings && matches!(key.text.as_str(), "attribute_bindings" | "attributeBindings");
            if !is_name && !is_bindings {
                own.push(entry);
            }
        }
        own
    }

    fn fields<'n>(
        &mut self,
        message: &MessageDescriptor,
        entries: impl Iterator<Item = &'n (Key, Node)>,
        path: &str,
    ) -> Fields {
        let mut fields = Fields::default();
        for (field, node, path) in fields_of(message, entries, path, &mut self.problems) {
            let (ops, found) = self.field(&field, node, &path);
            fields.steps.push((field.number(), ops));
            fields.inferred.extend(found.map(|found| (field.name().to_owned(), found)));
        }
        fields
    }

    /// The body of a message given as a map.
    pub(super) fn message(&mut self, message: &MessageDescriptor, node: &Node, path: &str) -> Option<Part> {
        let NodeValue::Map(entries) = &node.value else {
            let text = expected(&format!("a map ({})", message.full_name()), node);
            self.problems.add(path, node.position, text);
            return None;
        };
        if self.depth >= MAX_DEPTH {
            let text = format!("nested deeper than {MAX_DEPTH} levels; flatten the document");
            self.problems.add(path, node.position, text);
            return None;
        }
        self.depth += 1;
        let fields = self.fields(message, entries.iter(), path);
        self.depth -= 1;
        let inferred = Some(Inferred::Message(fields.inferred));
        Some(Part { steps: Steps::body(in_order(fields.steps)), inferred })
    }

    fn field(&mut self, field: &FieldDescriptor, node: &Node, path: &str) -> (Vec<Op>, Option<Inferred>) {
        if field.is_map() {
            return self.map(field, node, path);
        }
        if field.is_list() {
            return self.list(field, node, path);
        }
        if self.dialect == ParamsDialect::Expressions && node.as_str() == Some("") {
            return (Vec::new(), None);
        }
        let Some(part) = self.value(&field.kind(), node, path) else { return (Vec::new(), None) };
        let op = single(field.number(), &field.kind(), part.steps, path);
        (vec![op], part.inferred)
    }

    fn list(&mut self, field: &FieldDescriptor, node: &Node, path: &str) -> (Vec<Op>, Option<Inferred>) {
        let kind = field.kind();
        let elements = match &node.value {
            NodeValue::List(elements) => elements.as_slice(),
            // The original takes a single number for a list of one.
            _ if !is_delimited(&kind) => std::slice::from_ref(node),
            _ => {
                self.problems.add(path, node.position, expected("a list", node));
                return (Vec::new(), None);
            }
        };
        let mut ops = Vec::new();
        let mut inferred = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            let path = element_path(path, index);
            let Some(part) = self.value(&kind, element, &path) else { continue };
            let op = match field.is_packed() {
                true => part.steps.place(Head::default(), false, &path),
                false => single(field.number(), &kind, part.steps, &path),
            };
            push(&mut ops, op);
            inferred.extend(part.inferred);
        }
        if field.is_packed() && !ops.is_empty() {
            ops = vec![nested(tag(field.number(), WireType::Bytes), ops)];
        }
        (ops, Some(Inferred::List(inferred)))
    }

    fn map(&mut self, field: &FieldDescriptor, node: &Node, path: &str) -> (Vec<Op>, Option<Inferred>) {
        let Some((key_kind, kind)) = map_kinds(field) else {
            let text = "the template's descriptor is damaged here; make it anew with protoc";
            self.problems.add(path, node.position, text);
            return (Vec::new(), None);
        };
        let field_tag = tag(field.number(), WireType::Bytes);
        let entries = match &node.value {
            NodeValue::Map(entries) => entries,
            NodeValue::String(_) if key_kind == Kind::String && kind == Kind::String => {
                return (self.string_map(field_tag, node, path).into_iter().collect(), None);
            }
            _ => {
                self.problems.add(path, node.position, expected("a map", node));
                return (Vec::new(), None);
            }
        };
        let outer = std::mem::replace(&mut self.in_map, true);
        let mut parts = Vec::with_capacity(entries.len());
        for (key, node) in entries {
            let path = element_path(path, &key.text);
            match map_key(&key_kind, &key.text) {
                Ok((order, head)) => parts.push((order, key, head, self.value(&kind, node, &path), path)),
                Err(message) => self.problems.add(&path, key.position, message),
            }
        }
        self.in_map = outer;
        parts.sort_by(|a, b| a.0.cmp(&b.0));
        for pair in parts.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let message = "this key is given twice; remove one of the two";
            self.problems.add(&pair[1].4, pair[1].1.position, message);
        }
        let (mut ops, mut inferred) = (Vec::new(), Vec::new());
        for (_, key, head, part, path) in parts {
            let Some(part) = part else { continue };
            push(&mut ops, map_entry(&field_tag, head, &kind, part.steps, &path));
            inferred.extend(part.inferred.map(|found| (key.text.clone(), found)));
        }
        (self.shared(ops), Some(Inferred::Map(inferred)))
    }

    /// Steps with run-time parts as a block that other instances may share.
    fn shared(&mut self, ops: Vec<Op>) -> Vec<Op> {
        let constant = ops.iter().all(|op| matches!(op, Op::Constant(_)));
        if constant || self.in_map { ops } else { vec![Op::Block(self.blocks.intern(ops))] }
    }
}

/// A value with its tag.
fn single(number: u32, kind: &Kind, steps: Steps, path: &str) -> Op {
    let head = Head::new(&tag(number, wire_type(kind)));
    steps.place(head, is_delimited(kind), path)
}

/// One entry: key (already encoded) and value.
fn map_entry(field_tag: &[u8], key: Vec<u8>, kind: &Kind, steps: Steps, path: &str) -> Op {
    let value_tag = tag(2, wire_type(kind));
    if let Steps::Message(body) = steps {
        let mut entry = vec![Op::Constant(key.into())];
        push(&mut entry, nested(value_tag, body));
        return nested(field_tag.to_vec(), entry);
    }
    let head = Head::new(field_tag).length().bytes(&key).bytes(&value_tag);
    steps.place(head, is_delimited(kind), path)
}

impl Steps {
    /// The body of a message, as constant when nothing in it is left to run time.
    pub(super) fn body(ops: Vec<Op>) -> Self {
        match <[Op; 1]>::try_from(ops) {
            Ok([Op::Constant(bytes)]) => Self::Constant(bytes.into()),
            Ok([op]) => Self::Message(vec![op]),
            Err(ops) if ops.is_empty() => Self::Constant(Vec::new()),
            Err(ops) => Self::Message(ops),
        }
    }

    /// The step that writes the value behind `head`.
    fn place(self, head: Head, delimited: bool, path: &str) -> Op {
        match self {
            Self::Constant(payload) => Op::Constant(head.length_if(delimited).finish(&payload).into()),
            Self::Expression { head: inner, form, program } => {
                let head = head.length_if(delimited).append(&inner);
                Op::Leaf(Box::new(Leaf { head, form, program: *program, path: path.into() }))
            }
            Self::Message(body) => nested(head.finish(&[]), body),
        }
    }
}

/// A message behind its tag, as constant when nothing in it is left to run time.
pub(super) fn nested(tag: Vec<u8>, body: Vec<Op>) -> Op {
    match Steps::body(body) {
        Steps::Message(body) => Op::Nested { tag: tag.into(), body: body.into() },
        Steps::Constant(bytes) => {
            let mut out = tag;
            put_delimited(&mut out, &bytes);
            Op::Constant(out.into())
        }
        // `body` makes no other.
        Steps::Expression { .. } => Op::Constant(Box::default()),
    }
}

/// Adds a step; neighbouring constants become one.
fn push(ops: &mut Vec<Op>, op: Op) {
    match (ops.last_mut(), op) {
        (Some(Op::Constant(before)), Op::Constant(bytes)) => {
            let mut joined = std::mem::take(before).into_vec();
            joined.extend_from_slice(&bytes);
            *before = joined.into();
        }
        (_, op) => ops.push(op),
    }
}

/// The steps of all fields in number order.
fn in_order(mut fields: Vec<(u32, Vec<Op>)>) -> Vec<Op> {
    fields.sort_by_key(|(number, _)| *number);
    let mut ops = Vec::new();
    for op in fields.into_iter().flat_map(|(_, ops)| ops) {
        push(&mut ops, op);
    }
    ops
}
