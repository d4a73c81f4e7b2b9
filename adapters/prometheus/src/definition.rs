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
    /// Names of the labels of exemplars, sorted; none of them is in `labels`. Empty without exemplars.
    pub(crate) exemplar_labels: Vec<String>,
    /// How native buckets are made, for a distribution that has them.
    pub(crate) native: Option<NativeOptions>,
}

/// How native buckets are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NativeOptions {
    /// The resolution to begin with: a power of two is divided into `2^schema` buckets. From -4 to 8.
    pub(crate) schema: i32,
    pub(crate) max_buckets: usize,
    /// More than 0.
    pub(crate) zero_threshold: f64,
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

    /// Whether the series have exemplars.
    pub(crate) fn has_exemplars(&self) -> bool {
        !self.exemplar_labels.is_empty()
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
            Kind::Counter => write!(f, "a COUNTER by [{labels}]")?,
            Kind::Gauge => write!(f, "a GAUGE by [{labels}]")?,
            Kind::Distribution(bounds) => write!(f, "a DISTRIBUTION {bounds:?} by [{labels}]")?,
        }
        if let Some(NativeOptions { schema, max_buckets, zero_threshold }) = self.native {
            write!(
                f,
                " with at most {max_buckets} native buckets of schema {schema} beyond {zero_threshold:e}"
            )?;
        }
        match self.has_exemplars() {
            true => write!(f, " with exemplars by [{}]", self.exemplar_labels.join(", ")),
            false => Ok(()),
        }
    }
}
