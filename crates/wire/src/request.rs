//! The two requests of the Mixer API, read as far as needed to find the bags in them.

use std::ops::Range;

use bytes::Bytes;
use mixer_proto::GLOBAL_WORDS;

use crate::error::{Malformed, WireError, WireType};
use crate::reader::Reader;

/// How much of a quota is wanted (`CheckRequest.QuotaParams`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaParams {
    /// How much; negative gives back.
    pub amount: i64,
    /// Whether less than that is of use.
    pub best_effort: bool,
}

/// `istio.mixer.v1.CheckRequest`, with the attributes still encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckRequest {
    /// The encoded `CompressedAttributes`: a part of the received message.
    pub attributes: Bytes,
    /// How many global words the caller knows; the reply must not use more.
    pub global_word_count: u32,
    /// Chosen by the caller so that a repeated call takes no quota twice.
    pub deduplication_id: String,
    /// The quotas asked for, by name; each name once.
    pub quotas: Vec<(String, QuotaParams)>,
}

/// How the bags of a report relate to each other (`RepeatedAttributesSemantics`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Semantics {
    /// `DELTA_ENCODING`: each bag holds what differs from the one before.
    #[default]
    Delta,
    /// `INDEPENDENT_ENCODING`: each bag stands for itself.
    Independent,
    /// A number that is not known here.
    Unknown(i32),
}

/// `istio.mixer.v1.ReportRequest`, with the attributes still encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportRequest {
    /// The received message; behind it, default words that had to be repaired.
    pub message: Bytes,
    /// Where in it each encoded `CompressedAttributes` lies.
    pub bags: Vec<Range<u32>>,
    /// Where in it the words lie that bags without words of their own use.
    pub default_words: Vec<Range<u32>>,
    /// How many global words the caller knows.
    pub global_word_count: u32,
    /// How the bags relate to each other.
    pub semantics: Semantics,
}

/// Reads a `CheckRequest`; the attributes are read by [`crate::Codec::check_bag`].
///
/// # Errors
/// The bytes are no such message, or the caller's global dictionary is newer than ours (the API answers
/// INTERNAL to both).
pub fn parse_check(message: &Bytes) -> Result<CheckRequest, WireError> {
    let mut reader = Reader::new(message, 0..message.len(), "CheckRequest");
    let mut request = CheckRequest::default();
    let mut more_attributes = Vec::new();
    let mut first_attributes = None;
    while !reader.is_empty() {
        let tag = reader.tag()?;
        match tag.number {
            1 => {
                reader.require(tag, WireType::Length)?;
                let range = reader.chunk()?;
                match &first_attributes {
                    None => first_attributes = Some(range),
                    Some(_) => more_attributes.push(range),
                }
            }
            2 => {
                reader.require(tag, WireType::Varint)?;
                request.global_word_count = reader.varint()? as u32;
            }
            3 => {
                reader.require(tag, WireType::Length)?;
                request.deduplication_id = text(message, reader.chunk()?);
            }
            4 => {
                reader.require(tag, WireType::Length)?;
                request.quotas.push(quota(message, reader.nested()?)?);
            }
            _ => reader.skip(tag)?,
        }
    }
    if let Some(first) = first_attributes {
        request.attributes = merge(message, first, &more_attributes);
    }
    keep_last_of_each_name(&mut request.quotas);
    check_dictionary(request.global_word_count)?;
    Ok(request)
}

/// Of a message field given several times the parts count as one message: their bytes one after the other.
fn merge(message: &Bytes, first: Range<usize>, more: &[Range<usize>]) -> Bytes {
    if more.is_empty() {
        return message.slice(first);
    }
    let mut whole = message.slice(first).to_vec();
    for range in more {
        whole.extend_from_slice(message.get(range.clone()).unwrap_or_default());
    }
    whole.into()
}

/// Of a map key given several times the last value counts.
fn keep_last_of_each_name(quotas: &mut Vec<(String, QuotaParams)>) {
    if quotas.len() > 1 {
        quotas.reverse();
        quotas.sort_by(|(a, _), (b, _)| a.cmp(b));
        quotas.dedup_by(|(a, _), (b, _)| a == b);
    }
}

fn quota(message: &[u8], mut entry: Reader<'_>) -> Result<(String, QuotaParams), Malformed> {
    entry.expect("CheckRequest.quotas");
    let (mut name, mut params) = (0..0, QuotaParams::default());
    while !entry.is_empty() {
        let tag = entry.tag()?;
        match tag.number {
            1 => {
                entry.require(tag, WireType::Length)?;
                name = entry.chunk()?;
            }
            2 => {
                entry.require(tag, WireType::Length)?;
                quota_params(entry.nested()?, &mut params)?;
            }
            _ => entry.skip(tag)?,
        }
    }
    Ok((text(message, name), params))
}

fn quota_params(mut reader: Reader<'_>, params: &mut QuotaParams) -> Result<(), Malformed> {
    while !reader.is_empty() {
        let tag = reader.tag()?;
        match tag.number {
            1 => {
                reader.require(tag, WireType::Varint)?;
                params.amount = reader.varint()?.cast_signed();
            }
            2 => {
                reader.require(tag, WireType::Varint)?;
                params.best_effort = reader.varint()? != 0;
            }
            _ => reader.skip(tag)?,
        }
    }
    Ok(())
}

/// Text of the message; what is not UTF-8 in it becomes U+FFFD.
fn text(message: &[u8], range: Range<usize>) -> String {
    String::from_utf8_lossy(message.get(range).unwrap_or_default()).into_owned()
}

/// Reads a `ReportRequest`; the bags are read by [`crate::Codec::report_bags`].
///
/// # Errors
/// The bytes are no such message, or the caller's global dictionary is newer than ours (the API answers
/// INTERNAL to both). What is wrong within one bag shows when that bag is read.
pub fn parse_report(message: &Bytes) -> Result<ReportRequest, WireError> {
    let mut reader = Reader::new(message, 0..message.len(), "ReportRequest");
    let mut request = ReportRequest { message: message.clone(), ..ReportRequest::default() };
    while !reader.is_empty() {
        let tag = reader.tag()?;
        match tag.number {
            1 => {
                reader.require(tag, WireType::Length)?;
                request.bags.push(short(reader.chunk()?));
            }
            2 => {
                reader.require(tag, WireType::Length)?;
                request.default_words.push(short(reader.chunk()?));
            }
            3 => {
                reader.require(tag, WireType::Varint)?;
                request.global_word_count = reader.varint()? as u32;
            }
            4 => {
                reader.require(tag, WireType::Varint)?;
                request.semantics = match reader.varint()? as i32 {
                    0 => Semantics::Delta,
                    1 => Semantics::Independent,
                    other => Semantics::Unknown(other),
                };
            }
            _ => reader.skip(tag)?,
        }
    }
    check_dictionary(request.global_word_count)?;
    repair_default_words(&mut request);
    Ok(request)
}

/// Makes the default words UTF-8, once for all bags: where one is not, a repaired copy (U+FFFD for what is not)
/// goes behind the message.
fn repair_default_words(request: &mut ReportRequest) {
    let message = &request.message;
    let bytes =
        |range: &Range<u32>| message.get(range.start as usize..range.end as usize).unwrap_or_default();
    let is_broken = |range: &&mut Range<u32>| std::str::from_utf8(bytes(range)).is_err();
    let mut longer = Vec::new();
    for word in request.default_words.iter_mut().filter(is_broken) {
        let repaired = String::from_utf8_lossy(bytes(word)).into_owned();
        let start = message.len() + longer.len();
        longer.extend_from_slice(repaired.as_bytes());
        *word = short(start..start + repaired.len());
    }
    if !longer.is_empty() {
        request.message = [message, longer.as_slice()].concat().into();
    }
}

/// A range in four bytes each. Beyond 4 GiB it saturates; spans of a bag end at 2 GiB anyway.
pub(crate) fn short(range: Range<usize>) -> Range<u32> {
    let short = |position| u32::try_from(position).unwrap_or(u32::MAX);
    short(range.start)..short(range.end)
}

fn check_dictionary(caller: u32) -> Result<(), WireError> {
    let known = GLOBAL_WORDS.len() as u32;
    if caller > known {
        return Err(WireError::InconsistentDictionary { known, caller });
    }
    Ok(())
}
