//! What a metric is. Two configurations that define the same metric share its series.

use std::fmt;

/// Kind of a metric, with what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    /// A histogram with these finite upper bounds, in rising order.
    Distribution(Vec<f64>),
}

/// What a metric is, apart from its help text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Sorted.
    pub(crate) labels: Vec<String>,
}

impl Definition {
    /// The names that its samples have when they are exposed; they may belong to no other metric.
    pub(crate) fn sample_names(&self) -> impl Iterator<Item = String> {
        let suffixes = match self.kind {
            Kind::Distribution(_) => &["", "_bucket", "_sum", "_count"][..],
            Kind::Counter | Kind::Gauge => &[""],
        };
        suffixes.iter().map(|suffix| format!("{}{suffix}", self.name))
    }

    /// Why it cannot be there together with another one.
    pub(crate) fn conflict(&self, other: &Self) -> String {
        match self.name == other.name {
            true => format!("{} is defined as {self}, but also as {other}", self.name),
            false => {
                format!("{} ({self}) and {} ({other}) have samples of the same name", self.name, other.name)
            }
        }
    }
}

impl fmt::Display for Definition {
    /// The kind, labels and buckets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.labels.join(", ");
        match &self.kind {
            Kind::Counter => write!(f, "a COUNTER by [{labels}]"),
            Kind::Gauge => write!(f, "a GAUGE by [{labels}]"),
            Kind::Distribution(bounds) => write!(f, "a DISTRIBUTION {bounds:?} by [{labels}]"),
        }
    }
}
