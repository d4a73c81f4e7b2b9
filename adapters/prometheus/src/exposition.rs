//! Writes metrics in the two formats that Prometheus reads: text 0.0.4 and OpenMetrics 1.0.

mod number;

use std::borrow::Cow;
use std::collections::HashSet;

use crate::definition::{Definition, Kind};
use crate::labels::push_escaped;
use crate::store::{Family, Snapshot};
use number::{push_bound, push_float, push_integer};

/// Size of the parts in which metrics are written: a scrape of many series needs much less memory than its text.
const PART: usize = 64 * 1024;

/// A format of exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format, version 0.0.4.
    Text,
    /// OpenMetrics, version 1.0.0.
    OpenMetrics,
    /// OpenMetrics for clients that know only the draft, 0.0.1; it looks the same.
    OpenMetricsDraft,
}

impl Format {
    /// The value of the header `content-type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::OpenMetricsDraft => "application/openmetrics-text; version=0.0.1; charset=utf-8",
        }
    }

    /// The format that a client likes best, by its header `accept`.
    pub fn negotiate(accept: &str) -> Self {
        let mut best = (Self::Text, 0.0);
        for item in accept.split(',') {
            let mut parts = item.split(';').map(str::trim);
            let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
            let (mut version, mut quality) = ("", 1.0);
            for part in parts {
                match part.split_once('=').map(|(name, value)| (name.trim(), value.trim().trim_matches('"')))
                {
                    Some(("version", value)) => version = value,
                    Some(("q", value)) => quality = value.parse().unwrap_or(0.0),
                    _ => {}
                }
            }
            let format = match (media_type.as_str(), version) {
                ("application/openmetrics-text", "" | "1.0.0") => Self::OpenMetrics,
                ("application/openmetrics-text", "0.0.1") => Self::OpenMetricsDraft,
                ("text/plain" | "text/*" | "*/*", _) => Self::Text,
                _ => continue,
            };
            if quality > best.1 {
                best = (format, quality);
            }
        }
        best.0
    }

    fn is_open_metrics(self) -> bool {
        self != Self::Text
    }
}

/// Writes every metric that has a series, sorted by name, its series sorted by labels, and gives it to `sink` in
/// parts of about [`PART`] bytes.
///
/// # Errors
///
/// The first error of the sink; nothing is written after it.
pub(crate) fn render<E>(
    families: &[Family],
    format: Format,
    sink: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let names: HashSet<&str> =
        families.iter().map(|family| family.metric.definition().name.as_str()).collect();
    let mut writer = Writer { out: String::new(), open_metrics: format.is_open_metrics(), sink };
    for family in families {
        let series = family.metric.sorted_series();
        if series.is_empty() {
            continue;
        }
        let head = Head::new(family.metric.definition(), writer.open_metrics, &names);
        writer.head(&head, &family.help);
        for (labels, series) in &series {
            writer.series(&head, labels, &series.snapshot());
            if writer.out.len() >= PART {
                writer.flush()?;
            }
        }
    }
    if writer.open_metrics {
        writer.out.push_str("# EOF\n");
    }
    writer.flush()
}

/// How a metric is called.
struct Head<'a> {
    /// Name in the HELP and TYPE lines.
    family: &'a str,
    /// Name of its samples, before suffixes of histograms.
    sample: Cow<'a, str>,
    kind: &'static str,
    /// Bounds of the buckets, if it has any.
    bounds: &'a [f64],
}

impl<'a> Head<'a> {
    fn new(definition: &'a Definition, open_metrics: bool, names: &HashSet<&str>) -> Self {
        let name = definition.name.as_str();
        let plain = |kind| Self { family: name, sample: Cow::Borrowed(name), kind, bounds: &[] };
        match &definition.kind {
            Kind::Gauge => plain("gauge"),
            Kind::Distribution(bounds) => Self { bounds, ..plain("histogram") },
            Kind::Counter if !open_metrics => plain("counter"),
            Kind::Counter => {
                // A family called `x` whose samples are called `x_total`, whether or not the metric is.
                let family = name.strip_suffix("_total").unwrap_or(name);
                let sample = format!("{family}_total");
                let clashes = |other: &str| other != name && names.contains(other);
                match clashes(family) || clashes(&sample) || family.is_empty() {
                    true => plain("unknown"),
                    false => Self { family, sample: sample.into(), kind: "counter", bounds: &[] },
                }
            }
        }
    }
}

struct Writer<S> {
    out: String,
    open_metrics: bool,
    sink: S,
}

impl<S> Writer<S> {
    fn flush<E>(&mut self) -> Result<(), E>
    where
        S: FnMut(&str) -> Result<(), E>,
    {
        (self.sink)(&self.out)?;
        self.out.clear();
        Ok(())
    }

    fn head(&mut self, head: &Head<'_>, help: &str) {
        self.push(&["# HELP ", head.family, " "]);
        match self.open_metrics {
            true => push_escaped(&mut self.out, help),
            false => self.push(&[&help.replace('\\', "\\\\").replace('\n', "\\n")]),
        }
        self.push(&["\n# TYPE ", head.family, " ", head.kind, "\n"]);
    }

    fn series(&mut self, head: &Head<'_>, labels: &str, snapshot: &Snapshot) {
        let name = head.sample.as_ref();
        match snapshot {
            Snapshot::Number(value) => {
                self.name(&[name], labels, None);
                self.float(*value);
            }
            Snapshot::Distribution { buckets, sum } => {
                let mut count = 0;
                let bounds = head.bounds.iter().copied().chain([f64::INFINITY]);
                for (bound, in_bucket) in bounds.zip(buckets) {
                    count += in_bucket;
                    self.name(&[name, "_bucket"], labels, Some(bound));
                    self.integer(count);
                }
                self.name(&[name, "_sum"], labels, None);
                self.float(*sum);
                self.name(&[name, "_count"], labels, None);
                self.integer(count);
            }
        }
    }

    /// The part of a line before the value.
    fn name(&mut self, name: &[&str], labels: &str, bound: Option<f64>) {
        self.push(name);
        if !labels.is_empty() || bound.is_some() {
            self.push(&["{", labels]);
            if let Some(bound) = bound {
                self.push(&[if labels.is_empty() { "" } else { "," }, "le=\""]);
                push_bound(&mut self.out, bound, self.open_metrics);
                self.out.push('"');
            }
            self.out.push('}');
        }
        self.out.push(' ');
    }

    fn integer(&mut self, value: u64) {
        push_integer(&mut self.out, value);
        self.out.push('\n');
    }

    fn float(&mut self, value: f64) {
        push_float(&mut self.out, value);
        self.out.push('\n');
    }

    fn push(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.out.push_str(part));
    }
}
