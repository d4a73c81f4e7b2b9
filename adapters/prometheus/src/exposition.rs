//! Writes metrics in the formats that Prometheus reads: text 0.0.4, OpenMetrics 1.0, and protobuf.

mod model;
mod negotiate;
mod number;
mod protobuf;

use std::borrow::Cow;
use std::collections::HashSet;

use crate::definition::{Definition, Kind};
use crate::exemplar::Exemplar;
use crate::labels::{push_escaped, push_label};
use crate::store::{Family, Snapshot};
use number::{push_bound, push_float, push_integer, push_seconds};

pub(crate) use negotiate::Exposition;
pub(crate) use number::bound_text;
pub(crate) use protobuf::render as render_protobuf;

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

    /// The text format that a client likes best, by its header `accept`. Clients that like protobuf best and ask the port for it
    /// get that; see [`PrometheusAdapter::render_protobuf`](crate::PrometheusAdapter::render_protobuf).
    pub fn negotiate(accept: &str) -> Self {
        match Exposition::negotiate(accept) {
            Exposition::Text(format) => format,
            Exposition::Protobuf => Self::Text,
        }
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
    let mut writer =
        Writer { out: String::new(), open_metrics: format.is_open_metrics(), exemplars: Vec::new(), sink };
    for family in families {
        let series = family.metric.sorted_series();
        if series.is_empty() {
            continue;
        }
        let head = Head::new(family.metric.definition(), writer.open_metrics, &names);
        writer.head(&head, &family.help);
        for (labels, series) in &series {
            writer.exemplars = if writer.open_metrics { series.exemplars() } else { Vec::new() };
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
    /// Those of the series that is written, oldest first.
    exemplars: Vec<Exemplar>,
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
                push_float(&mut self.out, *value);
                if head.kind == "counter" {
                    self.exemplar(f64::NEG_INFINITY, f64::INFINITY);
                }
                self.out.push('\n');
            }
            Snapshot::Distribution { buckets, sum } => {
                let (mut count, mut lower) = (0, f64::NEG_INFINITY);
                let bounds = head.bounds.iter().copied().chain([f64::INFINITY]);
                for (bound, in_bucket) in bounds.zip(buckets) {
                    count += in_bucket;
                    self.name(&[name, "_bucket"], labels, Some(bound));
                    push_integer(&mut self.out, count);
                    self.exemplar(lower, bound);
                    self.out.push('\n');
                    lower = bound;
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

    /// The newest exemplar of a value above one bound and up to the other one.
    fn exemplar(&mut self, above: f64, up_to: f64) {
        let fits = |exemplar: &&Exemplar| exemplar.value > above && exemplar.value <= up_to;
        let Some(exemplar) = self.exemplars.iter().rev().find(fits) else { return };
        self.out.push_str(" # {");
        for (index, (name, value)) in exemplar.labels.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            push_label(&mut self.out, name, value);
        }
        self.out.push_str("} ");
        push_float(&mut self.out, exemplar.value);
        self.out.push(' ');
        push_seconds(&mut self.out, exemplar.at);
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
