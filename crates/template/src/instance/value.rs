//! Single values of `params`: constants, expressions, and the policy messages that wrap them.

use std::net::IpAddr;
use std::sync::Arc;

use mixer_attribute::{Duration, Timestamp, ValueType};
use mixer_expr::{Program, compile, compile_expecting};
use prost_reflect::{EnumDescriptor, Kind};

use super::ParamsDialect;
use super::compile::{Compiler, nested};
use super::head::Head;
use super::inferred::Inferred;
use super::op::{EnumNames, Form, Op};
use crate::payload::{Small, Whole};
use crate::problem::{ParamsProblem, expected};
use crate::scalar::{from_node, from_text};
use crate::wire::{WireType, put_bytes_field, put_tag, put_varint_field, tag};
use crate::{Node, NodeValue, Position};

/// A value, compiled.
pub(super) struct Part {
    pub(super) steps: Steps,
    pub(super) inferred: Option<Inferred>,
}

/// How a value is written; nothing here has the tag or length of the field it stands in.
pub(super) enum Steps {
    /// A payload that is always the same.
    Constant(Vec<u8>),
    /// The value of an expression behind a head of its own.
    Expression { head: Head, form: Form, program: Box<Program> },
    /// The body of a message with run-time parts.
    Message(Vec<Op>),
}

impl From<Steps> for Part {
    fn from(steps: Steps) -> Self {
        Self { steps, inferred: None }
    }
}

/// A message that stands for one value of the expression language.
#[derive(Clone, Copy, Debug)]
struct Wrapper {
    value_type: ValueType,
    /// Field of policy `Value` that holds this message; 0 for Google's own.
    value_field: u32,
}

impl Wrapper {
    const ALL: [(&'static str, Self); 8] = [
        ("istio.policy.v1beta1.IPAddress", Self { value_type: ValueType::IpAddress, value_field: 5 }),
        ("istio.policy.v1beta1.TimeStamp", Self { value_type: ValueType::Timestamp, value_field: 6 }),
        ("istio.policy.v1beta1.Duration", Self { value_type: ValueType::Duration, value_field: 7 }),
        ("istio.policy.v1beta1.EmailAddress", Self { value_type: ValueType::EmailAddress, value_field: 8 }),
        ("istio.policy.v1beta1.DNSName", Self { value_type: ValueType::DnsName, value_field: 9 }),
        ("istio.policy.v1beta1.Uri", Self { value_type: ValueType::Uri, value_field: 10 }),
        ("google.protobuf.Timestamp", Self { value_type: ValueType::Timestamp, value_field: 0 }),
        ("google.protobuf.Duration", Self { value_type: ValueType::Duration, value_field: 0 }),
    ];

    fn of_message(full_name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| *name == full_name).map(|(_, wrapper)| wrapper)
    }

    fn of_type(value_type: ValueType) -> Option<Self> {
        let mut all = Self::ALL.into_iter().map(|(_, wrapper)| wrapper);
        all.find(|wrapper| wrapper.value_type == value_type)
    }

    fn is_policy(self) -> bool {
        self.value_field != 0
    }

    /// What stands in the message before the payload: `value` is field 1 of every policy message.
    fn head(self) -> Head {
        if self.is_policy() { Head::new(&tag(1, WireType::Bytes)).length() } else { Head::default() }
    }

    fn form(self) -> Form {
        match self.value_type {
            ValueType::Timestamp => Form::Timestamp,
            ValueType::Duration => Form::Duration,
            ValueType::IpAddress => Form::Address,
            _ => Form::Text,
        }
    }

    /// The payload of a constant given as text. An IPv4 address becomes v4-mapped, as `ip("…")` makes it.
    fn constant(self, text: &str) -> Result<Vec<u8>, String> {
        match self.value_type {
            ValueType::Timestamp => {
                let time: Timestamp = text.parse().map_err(|error| format!("{error}"))?;
                Ok(Small::timestamp(time).as_slice().to_vec())
            }
            ValueType::Duration => {
                let duration: Duration = text.parse().map_err(|error| format!("{error}"))?;
                Ok(Small::duration(duration).as_slice().to_vec())
            }
            ValueType::IpAddress => match text.parse() {
                Ok(IpAddr::V4(address)) => Ok(address.to_ipv6_mapped().octets().to_vec()),
                Ok(IpAddr::V6(address)) => Ok(address.octets().to_vec()),
                Err(_) => Err(format!("{text:?} is not an IP address")),
            },
            _ => Ok(text.as_bytes().to_vec()),
        }
    }

    /// Whether text that is not quoted can be a constant: no expression looks like one of these.
    fn has_literals(self) -> bool {
        matches!(self.value_type, ValueType::Timestamp | ValueType::Duration | ValueType::IpAddress)
    }
}

/// What stands before a payload, and how the payload is made.
type Shape = (Head, Form);

/// Field numbers and tags of policy `Value`.
fn value_shape(value_type: ValueType) -> Option<Shape> {
    Some(match value_type {
        ValueType::String => (Head::new(&tag(1, WireType::Bytes)).length(), Form::Text),
        ValueType::Int64 => (Head::new(&tag(2, WireType::Varint)), Form::Whole(Whole::Int64)),
        ValueType::Double => (Head::new(&tag(3, WireType::Fixed64)), Form::Double),
        ValueType::Bool => (Head::new(&tag(4, WireType::Varint)), Form::Bool),
        _ => {
            let wrapper = Wrapper::of_type(value_type)?;
            let head = Head::new(&tag(wrapper.value_field, WireType::Bytes)).length();
            (head.append(&wrapper.head()), wrapper.form())
        }
    })
}

/// Field of policy `Value` that holds a string map.
const STRING_MAP_VALUE: u32 = 11;

impl Compiler<'_> {
    /// A value of any kind; of a wrong one nothing, with a problem noted.
    pub(super) fn value(&mut self, kind: &Kind, node: &Node, path: &str) -> Option<Part> {
        match kind {
            Kind::Message(message) => match Wrapper::of_message(message.full_name()) {
                _ if message.full_name() == "istio.policy.v1beta1.Value" => self.any_value(node, path),
                Some(wrapper) if wrapper.is_policy() || !matches!(node.value, NodeValue::Map(_)) => {
                    self.wrapper(wrapper, node, path)
                }
                _ => self.message(message, node, path),
            },
            Kind::Bytes => {
                let text = "fields of type bytes cannot be set by an instance; leave it out";
                self.problems.add(path, node.position, text);
                None
            }
            Kind::Enum(descriptor) => self.enum_value(descriptor, node, path),
            _ => self.scalar(kind, node, path),
        }
    }

    fn scalar(&mut self, kind: &Kind, node: &Node, path: &str) -> Option<Part> {
        let (want, form) = match kind {
            Kind::String => (ValueType::String, Form::Text),
            Kind::Bool => (ValueType::Bool, Form::Bool),
            Kind::Double => (ValueType::Double, Form::Double),
            Kind::Float => (ValueType::Double, Form::Float),
            _ => (ValueType::Int64, Form::Whole(Whole::of(kind).unwrap_or(Whole::Int64))),
        };
        if let Some(constant) = self.constant(kind, node) {
            return self.noted(constant, node, path);
        }
        let program = self.expression(node, Some(want), path)?;
        self.of_program((Head::default(), form), program, node, path)
    }

    /// The constant of a scalar kind, unless the value is an expression.
    fn constant(&self, kind: &Kind, node: &Node) -> Option<Result<Vec<u8>, String>> {
        if self.dialect == ParamsDialect::Expressions {
            return None;
        }
        let Some(text) = node.as_str() else { return Some(from_node(kind, node)) };
        let quoted = self.quoted(text)?;
        if *kind == Kind::String && self.is_expression(text) {
            return None;
        }
        Some(from_text(kind, quoted))
    }

    fn enum_value(&mut self, descriptor: &EnumDescriptor, node: &Node, path: &str) -> Option<Part> {
        if let Some(constant) = self.constant(&Kind::Enum(descriptor.clone()), node) {
            return self.noted(constant, node, path);
        }
        let before = self.problems.count();
        let program = self.expression(node, None, path);
        let name = node.as_str().unwrap_or_default();
        if self.problems.count() > before && descriptor.get_value_by_name(name).is_some() {
            self.problems.amend_last(&format!("; for the enum value write '\"{name}\"'"));
        }
        let program = program?;
        if !matches!(program.value_type(), ValueType::String | ValueType::Int64) {
            let text = format!(
                "the expression is of type {}; an enum needs STRING (the name of a value) or INT64",
                program.value_type()
            );
            self.problems.add(path, node.position, text);
            return None;
        }
        let values = descriptor.values().map(|value| (value.name().to_owned(), value.number())).collect();
        let names = EnumNames { full_name: descriptor.full_name().to_owned(), values };
        self.of_program((Head::default(), Form::Enum(Arc::new(names))), program, node, path)
    }

    fn wrapper(&mut self, wrapper: Wrapper, node: &Node, path: &str) -> Option<Part> {
        let what = format!("an expression of type {} or a constant in quotes", wrapper.value_type);
        if self.dialect == ParamsDialect::Typed {
            let Some(text) = node.as_str() else {
                self.problems.add(path, node.position, expected(&what, node));
                return None;
            };
            let constant = match self.quoted(text) {
                Some(quoted) => Some(wrapper.constant(quoted)),
                None if wrapper.has_literals() => wrapper.constant(text).ok().map(Ok),
                None => None,
            };
            if let Some(constant) = constant {
                let payload = self.accepted(constant, node, path)?;
                return Some(Steps::Constant(wrapper.head().finish(&payload)).into());
            }
        }
        let program = self.expression(node, Some(wrapper.value_type), path)?;
        self.of_program((wrapper.head(), wrapper.form()), program, node, path)
    }

    /// Policy `Value`.
    fn any_value(&mut self, node: &Node, path: &str) -> Option<Part> {
        let known = |value_type, payload| {
            let inferred = Some(Inferred::Value(value_type));
            Some(Part { steps: Steps::Constant(payload), inferred })
        };
        let mut payload = Vec::new();
        if self.dialect == ParamsDialect::Typed {
            match &node.value {
                NodeValue::Bool(value) => {
                    put_varint_field(&mut payload, 4, u64::from(*value));
                    return known(ValueType::Bool, payload);
                }
                NodeValue::Int(_) | NodeValue::UInt(_) | NodeValue::Float(_) => {
                    put_tag(&mut payload, 3, WireType::Fixed64);
                    payload.extend(from_node(&Kind::Double, node).unwrap_or_default());
                    return known(ValueType::Double, payload);
                }
                NodeValue::String(text) => match self.quoted(text) {
                    Some(quoted) if !self.is_expression(text) => {
                        put_bytes_field(&mut payload, 1, quoted.as_bytes());
                        return known(ValueType::String, payload);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        // A text literal is a STRING even when it looks like a duration.
        let literal =
            self.dialect == ParamsDialect::Typed && node.as_str().and_then(|t| self.quoted(t)).is_some();
        let program = self.expression(node, literal.then_some(ValueType::String), path)?;
        let value_type = program.value_type();
        let mut part = match value_shape(value_type) {
            Some(shape) => self.of_program(shape, program, node, path)?,
            None if value_type == ValueType::StringMap && self.dialect == ParamsDialect::Expressions => {
                let tag = tag(1, WireType::Bytes).into();
                let entries = vec![Op::Entries { tag, program, path: path.into() }];
                // The original's compiled templates hand maps to adapters too.
                Steps::body(vec![nested(crate::wire::tag(STRING_MAP_VALUE, WireType::Bytes), entries)]).into()
            }
            None => {
                let text = format!("unsupported type: {value_type}; a value field takes any other type");
                self.problems.add(path, node.position, text);
                return None;
            }
        };
        part.inferred = Some(Inferred::Value(value_type));
        Some(part)
    }

    /// A `map<string, string>` field given as one expression.
    pub(super) fn string_map(&mut self, tag: Vec<u8>, node: &Node, path: &str) -> Option<Op> {
        let program = self.expression(node, Some(ValueType::StringMap), path)?;
        Some(Op::Entries { tag: tag.into(), program, path: path.into() })
    }

    /// The text between quotes, when the whole text is one quoted constant. The original looks at the first and
    /// last character only; so do we in compatibility mode.
    fn quoted<'t>(&self, text: &'t str) -> Option<&'t str> {
        let inner = |quote| text.strip_prefix(quote)?.strip_suffix(quote).map(|inner: &str| (quote, inner));
        let (quote, inner) = inner('"').or_else(|| inner('\''))?;
        (self.options.compat || !inner.contains(quote)).then_some(inner)
    }

    /// Whether a quoted text is left to the expression language, which knows escapes. Single quotes hold one
    /// character there, so longer text in them stays a constant.
    fn is_expression(&self, text: &str) -> bool {
        !self.options.compat && text.starts_with('"')
    }

    fn noted(&mut self, constant: Result<Vec<u8>, String>, node: &Node, path: &str) -> Option<Part> {
        self.accepted(constant, node, path).map(|payload| Steps::Constant(payload).into())
    }

    fn accepted(&mut self, constant: Result<Vec<u8>, String>, node: &Node, path: &str) -> Option<Vec<u8>> {
        constant.map_err(|message| self.problems.add(path, node.position, message)).ok()
    }

    /// Compiles the text of a node, to a wanted type where there is one.
    fn expression(&mut self, node: &Node, want: Option<ValueType>, path: &str) -> Option<Program> {
        let Some(text) = node.as_str() else {
            let text = expected("an expression as text", node);
            self.problems.add(path, node.position, format!("{text}; write it in quotes"));
            return None;
        };
        if text.trim().is_empty() {
            let text = "the expression is empty; write '\"\"' for empty text, or leave the field out";
            self.problems.add(path, node.position, text);
            return None;
        }
        let result = match want {
            Some(want) => compile_expecting(text, want, self.scope, self.options),
            None => compile(text, self.scope, self.options),
        };
        result
            .map_err(|error| {
                let place = Position { line: error.position.line, column: error.position.column };
                self.problems.push(ParamsProblem {
                    path: path.to_owned(),
                    position: node.position,
                    expression_position: Some(place),
                    message: match &error.hint {
                        Some(hint) => format!("{}; {hint}", error.message),
                        None => error.message,
                    },
                });
            })
            .ok()
    }

    /// A program behind its head; as constant when it always gives the same value.
    fn of_program(&mut self, shape: Shape, program: Program, node: &Node, path: &str) -> Option<Part> {
        let (head, form) = shape;
        let Some(value) = program.constant() else {
            return Some(Steps::Expression { head, form, program: Box::new(program) }.into());
        };
        match form.payload(value) {
            Ok(payload) => Some(Steps::Constant(head.finish(&payload)).into()),
            Err(cause) => {
                self.problems.add(path, node.position, cause.to_string());
                None
            }
        }
    }
}
