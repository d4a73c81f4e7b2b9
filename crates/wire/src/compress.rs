//! Attributes to the compressed wire form: what a client of the Mixer API sends.

use std::collections::BTreeMap;

use mixer_attribute::Value;
use mixer_proto::mixer::v1::report_request::RepeatedAttributesSemantics;
use mixer_proto::mixer::v1::{CompressedAttributes, ReportRequest, StringMap};

use crate::dictionary::Dictionary;

/// Compresses the attributes of one request, words included. `global_word_count` says how many words of the
/// global dictionary may be used; with 0 everything is spelled out. Of an attribute given twice the last
/// value counts.
pub fn compress<'a>(
    attributes: impl IntoIterator<Item = (&'a str, &'a Value<'a>)>,
    global_word_count: u32,
) -> CompressedAttributes {
    let mut dictionary = Dictionary::new(global_word_count);
    let last: BTreeMap<_, _> = attributes.into_iter().collect();
    let mut compressed = encode(last, &mut dictionary);
    compressed.words = dictionary.into_words();
    compressed
}

fn encode<'a>(
    attributes: impl IntoIterator<Item = (&'a str, &'a Value<'a>)>,
    dictionary: &mut Dictionary,
) -> CompressedAttributes {
    let mut to = CompressedAttributes::default();
    for (name, value) in attributes {
        let name = dictionary.index(name.as_bytes());
        match value {
            Value::Text(text) => drop(to.strings.insert(name, dictionary.index(text))),
            Value::Int64(v) => drop(to.int64s.insert(name, *v)),
            Value::Double(v) => drop(to.doubles.insert(name, *v)),
            Value::Bool(v) => drop(to.bools.insert(name, *v)),
            Value::Timestamp(v) => {
                let (seconds, nanos) = v.to_proto();
                to.timestamps.insert(name, prost_types::Timestamp { seconds, nanos });
            }
            Value::Duration(v) => {
                let (seconds, nanos) = v.to_proto();
                to.durations.insert(name, prost_types::Duration { seconds, nanos });
            }
            Value::Bytes(bytes) => drop(to.bytes.insert(name, bytes.to_vec().into())),
            Value::StringMap(map) => {
                let entries = map.iter().map(|(k, v)| (dictionary.index(k), dictionary.index(v)));
                to.string_maps.insert(name, StringMap { entries: entries.collect() });
            }
        }
    }
    to
}

/// The bag before had an attribute that this one has not. A delta cannot take an attribute away: send the
/// report made so far and start a new one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "attribute {attribute} of the bag before is missing in this one; a delta-encoded report cannot say so, start a new report"
)]
pub struct AttributeMissing {
    /// The attribute.
    pub attribute: String,
}

/// Collects the bags of a report under one word list.
#[derive(Debug)]
pub struct ReportBuilder {
    semantics: RepeatedAttributesSemantics,
    dictionary: Dictionary,
    global_word_count: u32,
    bags: Vec<CompressedAttributes>,
    last: BTreeMap<String, Value<'static>>,
}

impl ReportBuilder {
    /// An empty report. `global_word_count` says how many words of the global dictionary may be used.
    pub fn new(semantics: RepeatedAttributesSemantics, global_word_count: u32) -> Self {
        Self {
            semantics,
            dictionary: Dictionary::new(global_word_count),
            global_word_count,
            bags: Vec::new(),
            last: BTreeMap::new(),
        }
    }

    /// Adds a bag: whole, or what differs from the bag before.
    ///
    /// # Errors
    /// The report is delta-encoded and the bag lacks an attribute of the one before; the report is as it was.
    pub fn add<'a>(
        &mut self,
        attributes: impl IntoIterator<Item = (&'a str, &'a Value<'a>)>,
    ) -> Result<(), AttributeMissing> {
        let bag: BTreeMap<_, _> = attributes.into_iter().collect();
        if self.semantics == RepeatedAttributesSemantics::IndependentEncoding {
            self.bags.push(encode(bag, &mut self.dictionary));
            return Ok(());
        }
        if let Some(missing) = self.last.keys().find(|name| !bag.contains_key(name.as_str())) {
            return Err(AttributeMissing { attribute: missing.clone() });
        }
        let delta = bag.iter().filter(|(name, value)| self.last.get(**name) != Some(**value));
        self.bags.push(encode(delta.map(|(name, value)| (*name, *value)), &mut self.dictionary));
        for (name, value) in bag {
            if self.last.get(name) != Some(value) {
                self.last.insert(name.to_owned(), value.clone().into_owned());
            }
        }
        Ok(())
    }

    /// How many bags were added.
    pub fn len(&self) -> usize {
        self.bags.len()
    }

    /// Whether no bag was added.
    pub fn is_empty(&self) -> bool {
        self.bags.is_empty()
    }

    /// The request to send.
    pub fn finish(self) -> ReportRequest {
        ReportRequest {
            attributes: self.bags,
            default_words: self.dictionary.into_words(),
            global_word_count: self.global_word_count,
            repeated_attributes_semantics: self.semantics.into(),
        }
    }
}
