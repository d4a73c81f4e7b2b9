//! From the bytes of an adapter's `OutputMsg` to attribute values.

use std::borrow::Cow;

use mixer_attribute::{Duration, MapView, Timestamp, Value, ValueType};
use prost_reflect::{FieldDescriptor, Kind};

use crate::Template;
use crate::descriptor::map_kinds;
use crate::wire::{Fields, WireError, WireValue, unzigzag};

/// A field of an output message that expressions can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputField {
    /// Name in the proto file.
    pub name: String,
    /// Field number.
    pub number: u32,
    /// Type in expressions.
    pub value_type: ValueType,
}

/// Bytes that are not the output message they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    /// Not a protobuf message.
    #[error("output is not a protobuf message: {0}; the adapter answered with something else")]
    Malformed(#[from] WireError),
    /// A field lies differently on the wire than its type says.
    #[error(
        "output field {0} does not have the wire type of the template; build the adapter with the same proto"
    )]
    WireType(String),
    /// Text that is not UTF-8.
    #[error("output field {0} is not UTF-8 text")]
    NotText(String),
    /// A duration or time that is too large.
    #[error("output field {0} is out of range")]
    OutOfRange(String),
    /// A response of check with output has a field that it cannot have.
    #[error("unexpected field number {0} in the response; only result (1) and output (2) belong there")]
    UnexpectedField(u32),
}

/// How a field is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Int,
    Zigzag,
    Bool,
    Fixed32,
    Sfixed32,
    Fixed64,
    Float,
    Double,
    Text,
    /// Text in field 1 of a message.
    WrappedText,
    /// Bytes in field 1 of a message.
    WrappedBytes,
    Duration,
    WrappedDuration,
    Timestamp,
    WrappedTimestamp,
    StringMap,
}

/// Reads the output messages of one template.
#[derive(Clone, Debug, Default)]
pub struct OutputDecoder {
    fields: Vec<OutputField>,
    forms: Vec<Form>,
    has_map: bool,
}

impl OutputDecoder {
    /// A decoder for the template's `OutputMsg`; without one it has no fields.
    pub fn new(template: &Template) -> Self {
        let mut decoder = Self::default();
        for field in template.output_message().into_iter().flat_map(|message| message.fields()) {
            let Some((value_type, form)) = field_form(&field) else { continue };
            decoder.fields.push(OutputField {
                name: field.name().to_owned(),
                number: field.number(),
                value_type,
            });
            decoder.forms.push(form);
            decoder.has_map |= form == Form::StringMap;
        }
        decoder
    }

    /// The fields that expressions can use: everything but lists, `Value`, bytes, other maps and other messages.
    pub fn fields(&self) -> &[OutputField] {
        &self.fields
    }

    /// Hands every field that is set to `sink`, with its index in [`OutputDecoder::fields`]. A field that stands
    /// there twice is handed over twice: the last one counts. Fields that expressions cannot use are ignored.
    ///
    /// # Errors
    /// The bytes are not such a message; values before the bad one were handed over.
    pub fn decode<'a>(
        &self,
        bytes: &'a [u8],
        mut sink: impl FnMut(usize, Value<'a>),
    ) -> Result<(), OutputError> {
        let mut maps: Vec<Vec<(Vec<u8>, Vec<u8>)>> = Vec::new();
        if self.has_map {
            maps.resize_with(self.fields.len(), Vec::new);
        }
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            let Some(index) = self.fields.iter().position(|field| field.number == number) else { continue };
            let (field, form) = (&self.fields[index], self.forms[index]);
            if form == Form::StringMap {
                add_entry(&mut maps[index], value, field)?;
            } else if let Some(value) = read(form, value, field)? {
                sink(index, value);
            }
        }
        for (index, mut entries) in maps.into_iter().enumerate() {
            if !entries.is_empty() {
                // The sort is stable: of a key given twice the last one comes first and stays.
                entries.reverse();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                entries.dedup_by(|a, b| a.0 == b.0);
                sink(index, Value::StringMap(MapView::owned(entries)));
            }
        }
        Ok(())
    }
}

fn field_form(field: &FieldDescriptor) -> Option<(ValueType, Form)> {
    if field.is_map() {
        let text = map_kinds(field) == Some((Kind::String, Kind::String));
        return text.then_some((ValueType::StringMap, Form::StringMap));
    }
    if field.is_list() {
        return None;
    }
    Some(match field.kind() {
        Kind::Bool => (ValueType::Bool, Form::Bool),
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Enum(_) => {
            (ValueType::Int64, Form::Int)
        }
        Kind::Sint32 | Kind::Sint64 => (ValueType::Int64, Form::Zigzag),
        Kind::Fixed32 => (ValueType::Int64, Form::Fixed32),
        Kind::Sfixed32 => (ValueType::Int64, Form::Sfixed32),
        Kind::Fixed64 | Kind::Sfixed64 => (ValueType::Int64, Form::Fixed64),
        Kind::Float => (ValueType::Double, Form::Float),
        Kind::Double => (ValueType::Double, Form::Double),
        Kind::String => (ValueType::String, Form::Text),
        Kind::Bytes => return None,
        Kind::Message(message) => match message.full_name() {
            "istio.policy.v1beta1.IPAddress" => (ValueType::IpAddress, Form::WrappedBytes),
            "istio.policy.v1beta1.DNSName" => (ValueType::DnsName, Form::WrappedText),
            "istio.policy.v1beta1.EmailAddress" => (ValueType::EmailAddress, Form::WrappedText),
            "istio.policy.v1beta1.Uri" => (ValueType::Uri, Form::WrappedText),
            "istio.policy.v1beta1.Duration" => (ValueType::Duration, Form::WrappedDuration),
            "google.protobuf.Duration" => (ValueType::Duration, Form::Duration),
            "istio.policy.v1beta1.TimeStamp" => (ValueType::Timestamp, Form::WrappedTimestamp),
            "google.protobuf.Timestamp" => (ValueType::Timestamp, Form::Timestamp),
            _ => return None,
        },
    })
}

/// The value of a field; `None` for a wrapper that holds nothing.
fn read<'a>(form: Form, value: WireValue<'a>, field: &OutputField) -> Result<Option<Value<'a>>, OutputError> {
    let wrong = || OutputError::WireType(field.name.clone());
    let out_of_range = || OutputError::OutOfRange(field.name.clone());
    Ok(Some(match (form, value) {
        (Form::Int, WireValue::Varint(v)) => Value::Int64(v.cast_signed()),
        (Form::Zigzag, WireValue::Varint(v)) => Value::Int64(unzigzag(v)),
        (Form::Bool, WireValue::Varint(v)) => Value::Bool(v != 0),
        (Form::Fixed32, WireValue::Fixed32(v)) => Value::Int64(v.into()),
        (Form::Sfixed32, WireValue::Fixed32(v)) => Value::Int64(v.cast_signed().into()),
        (Form::Fixed64, WireValue::Fixed64(v)) => Value::Int64(v.cast_signed()),
        (Form::Float, WireValue::Fixed32(v)) => Value::Double(f32::from_bits(v).into()),
        (Form::Double, WireValue::Fixed64(v)) => Value::Double(f64::from_bits(v)),
        (Form::Text, WireValue::Bytes(bytes)) => Value::Text(text(bytes, field)?),
        (Form::WrappedText, WireValue::Bytes(bytes)) => match inner(bytes, wrong)? {
            Some(bytes) => Value::Text(text(bytes, field)?),
            None => return Ok(None),
        },
        (Form::WrappedBytes, WireValue::Bytes(bytes)) => match inner(bytes, wrong)? {
            Some(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            None => return Ok(None),
        },
        (Form::Duration | Form::WrappedDuration, WireValue::Bytes(bytes)) => {
            let Some(bytes) = unwrap_if(form == Form::WrappedDuration, bytes, wrong)? else {
                return Ok(None);
            };
            let (seconds, nanos) = seconds_and_nanos(bytes, wrong)?;
            Value::Duration(Duration::from_proto(seconds, nanos).ok_or_else(out_of_range)?)
        }
        (Form::Timestamp | Form::WrappedTimestamp, WireValue::Bytes(bytes)) => {
            let Some(bytes) = unwrap_if(form == Form::WrappedTimestamp, bytes, wrong)? else {
                return Ok(None);
            };
            let (seconds, nanos) = seconds_and_nanos(bytes, wrong)?;
            Value::Timestamp(Timestamp::from_proto(seconds, nanos).ok_or_else(out_of_range)?)
        }
        _ => return Err(wrong()),
    }))
}

fn text<'a>(bytes: &'a [u8], field: &OutputField) -> Result<Cow<'a, [u8]>, OutputError> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(Cow::Borrowed(bytes)),
        Err(_) => Err(OutputError::NotText(field.name.clone())),
    }
}

fn unwrap_if(
    wrapped: bool,
    bytes: &[u8],
    wrong: impl Fn() -> OutputError,
) -> Result<Option<&[u8]>, OutputError> {
    if wrapped { inner(bytes, wrong) } else { Ok(Some(bytes)) }
}

/// The bytes of field 1 of a wrapper message.
fn inner(message: &[u8], wrong: impl Fn() -> OutputError) -> Result<Option<&[u8]>, OutputError> {
    let mut found = None;
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field {
            (1, WireValue::Bytes(bytes)) => found = Some(bytes),
            (1, _) => return Err(wrong()),
            _ => {}
        }
    }
    Ok(found)
}

fn seconds_and_nanos(message: &[u8], wrong: impl Fn() -> OutputError) -> Result<(i64, i32), OutputError> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field {
            (1, WireValue::Varint(v)) => seconds = v.cast_signed(),
            (2, WireValue::Varint(v)) => nanos = v as i32,
            (1 | 2, _) => return Err(wrong()),
            _ => {}
        }
    }
    Ok((seconds, nanos))
}

fn add_entry(
    entries: &mut Vec<(Vec<u8>, Vec<u8>)>,
    value: WireValue<'_>,
    field: &OutputField,
) -> Result<(), OutputError> {
    let WireValue::Bytes(entry) = value else { return Err(OutputError::WireType(field.name.clone())) };
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    let mut fields = Fields::new(entry);
    while let Some(part) = fields.next()? {
        match part {
            (1, WireValue::Bytes(bytes)) => key = bytes,
            (2, WireValue::Bytes(bytes)) => value = bytes,
            (1 | 2, _) => return Err(OutputError::WireType(field.name.clone())),
            _ => {}
        }
    }
    entries.push((text(key, field)?.into_owned(), text(value, field)?.into_owned()));
    Ok(())
}

/// An IPv4 address that travels as a v4-mapped IPv6 address, cut to its four bytes; anything else as it is.
/// Outputs bound to attributes are cut, as in the original.
pub fn unmap_ipv4(address: &[u8]) -> &[u8] {
    const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    match address.split_at_checked(MAPPED.len()) {
        Some((prefix, v4)) if prefix == MAPPED && v4.len() == 4 => v4,
        _ => address,
    }
}

/// The bytes of `CheckResult` and those of `OutputMsg`.
pub type CheckOutput<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The two parts of a `Handle<X>Response` of check with output. A part that is missing is an empty message.
///
/// # Errors
/// The bytes are not a message of these two fields alone.
pub fn split_check_output(response: &[u8]) -> Result<CheckOutput<'_>, OutputError> {
    let (mut result, mut output): CheckOutput<'_> = Default::default();
    let mut fields = Fields::new(response);
    while let Some((number, value)) = fields.next()? {
        let (part, name) = match number {
            1 => (&mut result, "result"),
            2 => (&mut output, "output"),
            other => return Err(OutputError::UnexpectedField(other)),
        };
        let WireValue::Bytes(bytes) = value else { return Err(OutputError::WireType(name.to_owned())) };
        // A message field given in pieces is the concatenation of the pieces.
        match part.is_empty() {
            true => *part = Cow::Borrowed(bytes),
            false => part.to_mut().extend_from_slice(bytes),
        }
    }
    Ok((result, output))
}
