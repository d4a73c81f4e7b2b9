//! The lines, with their fields in the order of Datadog's own client (DogStatsD protocol 1.0 to 1.6):
//! `name:value|type|@rate|#tags|c:container|e:external data|card:cardinality|Ttimestamp`.

use std::fmt::Display;
use std::io::Write as _;

use mixer_adapter_sdk::delivery::datagram::NoNumber;
use mixer_adapter_sdk::typed::DropReason;
use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::ValueMap;
use mixer_adapter_sdk::wire::Malformed;

use crate::tags::{self, FixedTags};

/// Why no line is made of an instance.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("no entry of `metrics` names this instance")]
    UnknownMetric,
    #[error("no entry of `events` or `service_checks` names this instance")]
    UnknownLogEntry,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    NoNumber(#[from] NoNumber),
    #[error("a template needs variable {0:?}, which the instance has not")]
    MissingVariable(String),
    #[error("the title is empty")]
    NoTitle,
}

impl DropReason for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::UnknownMetric | Self::UnknownLogEntry => "unknown_instance",
            Self::Malformed(error) => error.reason(),
            Self::NoNumber(error) => error.reason(),
            Self::MissingVariable(_) => "missing_variable",
            Self::NoTitle => "no_title",
        }
    }
}

/// What is the same in all lines of a handler.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Style {
    pub(crate) tags: FixedTags,
    pub(crate) container: Option<String>,
    pub(crate) external_data: Option<String>,
    pub(crate) cardinality: Option<&'static str>,
}

/// A line of a metric.
pub(crate) struct MetricLine<'a, V> {
    /// The name and a colon.
    pub(crate) head: &'a str,
    /// One value, or several with colons between them.
    pub(crate) value: V,
    pub(crate) kind: &'a str,
    /// Less than 1 when only a share is sent.
    pub(crate) rate: f64,
    /// All tags, with commas.
    pub(crate) tags: &'a [u8],
    pub(crate) timestamp: Option<u64>,
}

impl Style {
    /// Writes a line of a metric.
    pub(crate) fn metric<V: Display>(&self, out: &mut Vec<u8>, line: &MetricLine<'_, V>) {
        // Memory takes every write.
        let _ = write!(out, "{}{}|{}", line.head, line.value, line.kind);
        if line.rate < 1.0 {
            let _ = write!(out, "|@{}", line.rate);
        }
        if !line.tags.is_empty() {
            out.extend_from_slice(b"|#");
            out.extend_from_slice(line.tags);
        }
        self.container(out);
        if let Some(data) = &self.external_data {
            let _ = write!(out, "|e:{data}");
        }
        self.cardinality(out);
        if let Some(timestamp) = line.timestamp {
            let _ = write!(out, "|T{timestamp}");
        }
    }

    pub(crate) fn container(&self, out: &mut Vec<u8>) {
        if let Some(container) = &self.container {
            let _ = write!(out, "|c:{container}");
        }
    }

    pub(crate) fn cardinality(&self, out: &mut Vec<u8>) {
        if let Some(cardinality) = self.cardinality {
            let _ = write!(out, "|card:{cardinality}");
        }
    }

    /// Writes tags: first those of the instance, then fixed ones whose keys are not among them, then those of
    /// everything. How many had to be changed or left out.
    pub(crate) fn instance_tags(
        &self,
        out: &mut Vec<u8>,
        values: ValueMap<'_>,
        fixed: &FixedTags,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<usize, Malformed> {
        let start = out.len();
        let entries = values.sorted()?;
        let mut changed = 0;
        for (key, value) in entries.iter().filter(|(key, _)| wanted(key)) {
            if key.is_empty() {
                changed += 1;
                continue;
            }
            if out.len() > start {
                out.push(b',');
            }
            let text = value.as_ref().map(ValueView::text).unwrap_or_default();
            changed += usize::from(tags::write(out, key, &text));
        }
        let taken = |tag: &str| entries.iter().any(|(key, _)| *key == tag && wanted(key));
        fixed.write(out, start, taken);
        self.tags.write(out, start, |tag| taken(tag) || fixed.has(tag));
        Ok(changed)
    }
}
