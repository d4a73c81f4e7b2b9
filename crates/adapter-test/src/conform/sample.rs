//! Instances of any template, made from its descriptor, and what an observer should see of them.

use prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};

/// Field number of the name in every instance message.
const NAME: u32 = 72_295_727;

/// The key under which maps of an instance hold the mark of the call.
pub(crate) const MARK: &str = "conform";

const POLICY: &str = "istio.policy.v1beta1.";

/// A duration with a fraction down to the nanosecond.
pub(crate) const DURATION: (i64, i32) = (1, 234_567_891);

/// A time with nanoseconds: 2021-03-04T05:06:07.123456789Z.
pub(crate) const TIMESTAMP: (i64, i32) = (1_614_834_367, 123_456_789);

/// What a value that was sent is, for whoever looks for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sent {
    Text(String),
    Int(i64),
    Double(f64),
    Bool(bool),
    Duration(i64, i32),
    Timestamp(i64, i32),
    Ip([u8; 4]),
}

/// An instance message, and where in it which values are.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    message: DynamicMessage,
    /// Field names from the outside in, and the value there.
    pub(crate) sent: Vec<(Vec<String>, Sent)>,
    /// Whether the mark is somewhere in it.
    pub(crate) marked: bool,
}

impl Sample {
    pub(crate) fn encode(&self) -> Vec<u8> {
        self.message.encode_to_vec()
    }

    /// Nothing but a name.
    pub(crate) fn empty(descriptor: &MessageDescriptor, name: &str) -> Self {
        let mut message = DynamicMessage::new(descriptor.clone());
        let _ = message.try_set_field_by_number(NAME, Value::String(name.to_owned()));
        Self { message, sent: Vec::new(), marked: false }
    }

    /// Every field set to something plain, and the mark in every map.
    pub(crate) fn plain(descriptor: &MessageDescriptor, name: &str, mark: &str) -> Self {
        let mut sample = Self::empty(descriptor, name);
        sample.marked = fill(&mut sample.message, mark, 0);
        sample
    }

    /// Puts values wherever the template takes any: the first one into single values, each into fields that are just
    /// of its kind, and, unless `maps` is false, all into each map of values by the names given.
    pub(crate) fn with(mut self, values: &[(&str, Sent)], maps: bool) -> Self {
        let mut message = self.message.clone();
        put(&mut message, &Values { values, maps }, &mut Vec::new(), &mut self.sent);
        self.message = message;
        self
    }
}

/// Whether the mark was put somewhere.
fn fill(message: &mut DynamicMessage, mark: &str, depth: usize) -> bool {
    let mut marked = false;
    let fields: Vec<FieldDescriptor> = message.descriptor().fields().filter(|f| f.number() != NAME).collect();
    for field in fields {
        let Some(value) = plain_value(&field, mark, depth, &mut marked) else { continue };
        message.set_field(&field, value);
    }
    marked
}

fn plain_value(field: &FieldDescriptor, mark: &str, depth: usize, marked: &mut bool) -> Option<Value> {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { return None };
        let value = match entry.map_entry_value_field().kind() {
            Kind::String => Value::String(mark.to_owned()),
            Kind::Message(message) if message.full_name() == format!("{POLICY}Value") => {
                Value::Message(wrapped(&message, &Sent::Text(mark.to_owned()))?)
            }
            _ => return None,
        };
        *marked = true;
        return Some(Value::Map([(MapKey::String(MARK.to_owned()), value)].into()));
    }
    if field.is_list() {
        return None;
    }
    Some(match field.kind() {
        Kind::String => Value::String(plain_text(field.name()).to_owned()),
        Kind::Bool => Value::Bool(true),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(1),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(1),
        Kind::Double => Value::F64(1.0),
        Kind::Message(message) => {
            let policy = message.full_name().strip_prefix(POLICY);
            let sent = match policy {
                // Numbers are what a metric is made of, text is what a list has.
                Some("Value") if field.parent_message().package_name() == "metric" => Some(Sent::Int(1)),
                Some("Value" | "DNSName" | "EmailAddress" | "Uri") => Some(Sent::Text(MARK.to_owned())),
                Some("TimeStamp") => Some(Sent::Timestamp(TIMESTAMP.0, 0)),
                Some("Duration") => Some(Sent::Duration(1, 0)),
                Some("IPAddress") => Some(Sent::Ip([10, 0, 0, 1])),
                _ => None,
            };
            match sent {
                Some(sent) => Value::Message(wrapped(&message, &sent)?),
                None if policy.is_none() && depth < 4 => {
                    let mut inner = DynamicMessage::new(message);
                    *marked |= fill(&mut inner, mark, depth + 1);
                    Value::Message(inner)
                }
                None => return None,
            }
        }
        _ => return None,
    })
}

/// Identifiers of traces have a form that adapters check.
fn plain_text(field: &str) -> &'static str {
    match field {
        "trace_id" => "463ac35c9f6413ad48485a3953bb6124",
        "span_id" | "parent_span_id" => "a2fb4a1d1a96d312",
        _ => MARK,
    }
}

/// Values to put, and whether into maps too.
struct Values<'a> {
    values: &'a [(&'a str, Sent)],
    maps: bool,
}

fn put(
    message: &mut DynamicMessage,
    values: &Values<'_>,
    path: &mut Vec<String>,
    sent: &mut Vec<(Vec<String>, Sent)>,
) {
    let fields: Vec<FieldDescriptor> = message.descriptor().fields().filter(|f| f.number() != NAME).collect();
    for field in fields {
        let Kind::Message(kind) = field.kind() else { continue };
        path.push(field.name().to_owned());
        let policy = kind.full_name().strip_prefix(POLICY).unwrap_or_default().to_owned();
        if field.is_map() {
            if values.maps {
                put_into_map(message, &field, &kind, (values.values, path, sent));
            }
        } else if !field.is_list() {
            let fitting = values.values.iter().find(|(_, value)| match value {
                Sent::Duration(..) => matches!(&*policy, "Value" | "Duration"),
                Sent::Timestamp(..) => matches!(&*policy, "Value" | "TimeStamp"),
                Sent::Ip(_) => matches!(&*policy, "Value" | "IPAddress"),
                _ => policy == "Value",
            });
            if let Some((_, value)) = fitting {
                if let Some(wrapped) = wrapped(&kind, value) {
                    message.set_field(&field, Value::Message(wrapped));
                    sent.push((path.clone(), value.clone()));
                }
            } else if policy.is_empty() && message.has_field(&field) {
                let mut inner = message.get_field(&field).into_owned();
                if let Some(inner) = inner.as_message_mut() {
                    put(inner, values, path, sent);
                }
                message.set_field(&field, inner);
            }
        }
        path.pop();
    }
}

/// Values to put, where, and the record of it.
type Putting<'a> = (&'a [(&'a str, Sent)], &'a mut Vec<String>, &'a mut Vec<(Vec<String>, Sent)>);

fn put_into_map(
    message: &mut DynamicMessage,
    field: &FieldDescriptor,
    entry: &MessageDescriptor,
    (values, path, sent): Putting<'_>,
) {
    let Kind::Message(kind) = entry.map_entry_value_field().kind() else { return };
    if kind.full_name() != format!("{POLICY}Value") {
        return;
    }
    let mut map = message.get_field(field).into_owned();
    let Some(entries) = map.as_map_mut() else { return };
    for (name, value) in values {
        if let Some(wrapped) = wrapped(&kind, value) {
            entries.insert(MapKey::String((*name).to_owned()), Value::Message(wrapped));
            path.push((*name).to_owned());
            sent.push((path.clone(), value.clone()));
            path.pop();
        }
    }
    message.set_field(field, map);
}

/// A message of the policy package that holds a value: a `Value`, or one of the wrappers.
fn wrapped(kind: &MessageDescriptor, sent: &Sent) -> Option<DynamicMessage> {
    let mut message = DynamicMessage::new(kind.clone());
    if kind.full_name() != format!("{POLICY}Value") {
        let field = kind.get_field(1)?;
        message.try_set_field(&field, bare(&field, sent)?).ok()?;
        return Some(message);
    }
    let number = match sent {
        Sent::Text(_) => 1,
        Sent::Int(_) => 2,
        Sent::Double(_) => 3,
        Sent::Bool(_) => 4,
        Sent::Ip(_) => 5,
        Sent::Timestamp(..) => 6,
        Sent::Duration(..) => 7,
    };
    let field = kind.get_field(number)?;
    let value = match field.kind() {
        Kind::Message(inner) => Value::Message(wrapped(&inner, sent)?),
        _ => bare(&field, sent)?,
    };
    message.try_set_field(&field, value).ok()?;
    Some(message)
}

fn bare(field: &FieldDescriptor, sent: &Sent) -> Option<Value> {
    Some(match sent {
        Sent::Text(text) => Value::String(text.clone()),
        Sent::Int(number) => Value::I64(*number),
        Sent::Double(number) => Value::F64(*number),
        Sent::Bool(truth) => Value::Bool(*truth),
        Sent::Ip(octets) => Value::Bytes(octets.to_vec().into()),
        Sent::Duration(seconds, nanos) | Sent::Timestamp(seconds, nanos) => {
            let Kind::Message(google) = field.kind() else { return None };
            let mut message = DynamicMessage::new(google);
            message.try_set_field_by_number(1, Value::I64(*seconds)).ok()?;
            message.try_set_field_by_number(2, Value::I32(*nanos)).ok()?;
            Value::Message(message)
        }
    })
}
