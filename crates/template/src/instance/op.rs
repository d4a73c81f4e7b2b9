//! The run-time form of an instance: constant bytes, expressions with their fixed surroundings, messages whose
//! length is known only afterwards.

use std::sync::Arc;

use mixer_attribute::{Bag, Referenced, Value};
use mixer_expr::Program;

use super::cache::{Block, BlockCache};
use super::error::{EncodeCause, Failure};
use super::head::Head;
use crate::payload::{Small, Whole};
use crate::wire::{put_delimited, put_varint, varint_len};

/// One step of encoding.
#[derive(Debug)]
pub(crate) enum Op {
    /// Bytes that are always the same.
    Constant(Box<[u8]>),
    /// The value of an expression.
    Leaf(Box<Leaf>),
    /// A message with run-time parts; `tag` stands before its length.
    Nested { tag: Box<[u8]>, body: Box<[Op]> },
    /// The entries of a string map that an expression gives, each behind `tag`.
    Entries { tag: Box<[u8]>, program: Program, path: Box<str> },
    /// Steps that other instances may share.
    Block(Arc<Block>),
}

/// The value of an expression and all that stands around it.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) head: Head,
    pub(crate) form: Form,
    pub(crate) program: Program,
    /// Path of the field, for messages.
    pub(crate) path: Box<str>,
}

/// How a value becomes a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    /// Bytes of an IP address.
    Address,
    Whole(Whole),
    Bool,
    Double,
    Float,
    Timestamp,
    Duration,
    Enum(Arc<EnumNames>),
}

/// The values of an enum, for those that are chosen at run time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EnumNames {
    pub(crate) full_name: String,
    pub(crate) values: Vec<(String, i32)>,
}

/// What encoding reads and writes besides the output.
pub(crate) struct Context<'c> {
    pub(crate) bag: &'c Bag,
    pub(crate) refs: &'c mut Referenced,
    /// Blocks that were encoded for the same bag before.
    pub(crate) blocks: Option<&'c mut BlockCache>,
}

pub(crate) fn run(ops: &[Op], context: &mut Context<'_>, out: &mut Vec<u8>) -> Result<(), Box<Failure>> {
    for op in ops {
        match op {
            Op::Constant(bytes) => out.extend_from_slice(bytes),
            Op::Leaf(leaf) => leaf.encode(context, out)?,
            Op::Nested { tag, body } => nested(tag, body, context, out)?,
            Op::Entries { tag, program, path } => {
                let value = program.eval(context.bag, context.refs);
                entries(tag, value.map_err(|error| Failure::eval(path, error))?, path, out)?;
            }
            Op::Block(block) => block.encode(context, out)?,
        }
    }
    Ok(())
}

/// Writes the body first and makes room for a longer length afterwards, so nothing is evaluated twice.
fn nested(tag: &[u8], body: &[Op], context: &mut Context<'_>, out: &mut Vec<u8>) -> Result<(), Box<Failure>> {
    out.extend_from_slice(tag);
    let place = out.len();
    out.push(0);
    run(body, context, out)?;
    let len = out.len() - place - 1;
    if len < 0x80 {
        out[place] = len as u8;
        return Ok(());
    }
    let more = varint_len(len as u64) - 1;
    let mut length = Vec::with_capacity(10);
    put_varint(&mut length, len as u64);
    out.resize(out.len() + more, 0);
    out.copy_within(place + 1..place + 1 + len, place + 1 + more);
    out[place..place + length.len()].copy_from_slice(&length);
    Ok(())
}

/// Map entries in key order.
fn entries(tag: &[u8], value: Value<'_>, path: &str, out: &mut Vec<u8>) -> Result<(), Box<Failure>> {
    let Value::StringMap(map) = value else { return Err(Failure::new(path, EncodeCause::UnexpectedType)) };
    for (key, value) in map.sorted() {
        let len = 2 + varint_len(key.len() as u64) + key.len() + varint_len(value.len() as u64) + value.len();
        out.extend_from_slice(tag);
        put_varint(out, len as u64);
        out.push(0x0a);
        put_delimited(out, key);
        out.push(0x12);
        put_delimited(out, value);
    }
    Ok(())
}

impl Leaf {
    #[inline]
    fn encode(&self, context: &mut Context<'_>, out: &mut Vec<u8>) -> Result<(), Box<Failure>> {
        if self.form == Form::Text {
            return match self.program.eval_text(context.bag, context.refs) {
                Ok(text) => {
                    self.put(&text, out);
                    Ok(())
                }
                Err(error) => Err(Failure::eval(&self.path, error)),
            };
        }
        let value = match self.program.eval(context.bag, context.refs) {
            Ok(value) => value,
            Err(error) => return Err(Failure::eval(&self.path, error)),
        };
        if let (Form::Address, Value::Bytes(bytes)) = (&self.form, &value) {
            self.put(bytes, out);
            return Ok(());
        }
        let payload = match self.form.small(&value) {
            Ok(payload) => payload,
            Err(cause) => return Err(Failure::new(&self.path, cause)),
        };
        self.put(payload.as_slice(), out);
        Ok(())
    }

    #[inline]
    fn put(&self, payload: &[u8], out: &mut Vec<u8>) {
        self.head.put(payload.len(), out);
        out.extend_from_slice(payload);
    }
}

impl Form {
    /// The payload of a value of any form.
    pub(crate) fn payload(&self, value: &Value<'_>) -> Result<Vec<u8>, EncodeCause> {
        match (self, value) {
            (Self::Text, Value::Text(bytes)) | (Self::Address, Value::Bytes(bytes)) => Ok(bytes.to_vec()),
            _ => self.small(value).map(|payload| payload.as_slice().to_vec()),
        }
    }

    fn small(&self, value: &Value<'_>) -> Result<Small, EncodeCause> {
        Ok(match (self, value) {
            (Self::Whole(Whole::Int64), Value::Int64(value)) => Small::varint(value.cast_unsigned()),
            (Self::Whole(whole), Value::Int64(value)) => whole
                .payload((*value).into())
                .ok_or(EncodeCause::OutOfRange { value: *value, target: whole.name() })?,
            (Self::Bool, Value::Bool(value)) => Small::varint((*value).into()),
            (Self::Double, Value::Double(value)) => Small::fixed(value.to_le_bytes()),
            (Self::Float, Value::Double(value)) => Small::fixed((*value as f32).to_le_bytes()),
            (Self::Timestamp, Value::Timestamp(value)) => Small::timestamp(*value),
            (Self::Duration, Value::Duration(value)) => Small::duration(*value),
            (Self::Enum(names), value) => names.payload(value)?,
            _ => return Err(EncodeCause::UnexpectedType),
        })
    }
}

impl EnumNames {
    fn payload(&self, value: &Value<'_>) -> Result<Small, EncodeCause> {
        let (found, text) = match value {
            Value::Text(name) => (
                self.values.iter().find(|(known, _)| known.as_bytes() == &**name),
                String::from_utf8_lossy(name).into_owned(),
            ),
            Value::Int64(number) => {
                (self.values.iter().find(|(_, known)| i64::from(*known) == *number), number.to_string())
            }
            _ => return Err(EncodeCause::UnexpectedType),
        };
        match found {
            Some((_, number)) => Ok(Small::varint(i64::from(*number).cast_unsigned())),
            None => Err(EncodeCause::UnknownEnumValue { value: text, descriptor: self.full_name.clone() }),
        }
    }
}
