//! Writes metrics in the two formats that Prometheus reads: text 0.0.4 and OpenMetrics 1.0.

mod number;

use std::collections::HashSet;

use crate::definition::{Definition, Kind};
use crate::labels::{push_escaped, push_label};
use crate::store::{Family, Snapshot};
use number::{push_bound, push_float, push_integer};

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

/// Every metric that has a series, sorted by name, its series sorted by labels.
pub(crate) fn render(families: &[Family], format: Format) -> String {
    let names: HashSet<&str> =
        families.iter().map(|family| family.metric.definition().name.as_str()).collect();
    let mut out = String::new();
    for family in families {
        let definition = family.metric.definition();
        let snapshots = family.metric.snapshots();
        if snapshots.is_empty() {
            continue;
        }
        let header = Header::new(definition, format, &names);
        header.push(&mut out, &family.help, format);
        for (labels, snapshot) in &snapshots {
            push_series(&mut out, &header.sample, definition, labels, snapshot, format);
        }
    }
    if format.is_open_metrics() {
        out.push_str("# EOF\n");
    }
    out
}

/// How a metric is called.
struct Header<'a> {
    /// Name in the HELP and TYPE lines.
    family: &'a str,
    /// Name of its samples, before suffixes of histograms.
    sample: String,
    kind: &'static str,
}

impl<'a> Header<'a> {
    fn new(definition: &'a Definition, format: Format, names: &HashSet<&str>) -> Self {
        let name = definition.name.as_str();
        let plain = |kind| Self { family: name, sample: name.to_owned(), kind };
        match definition.kind {
            Kind::Gauge => plain("gauge"),
            Kind::Distribution(_) => plain("histogram"),
            Kind::Counter if !format.is_open_metrics() => plain("counter"),
            Kind::Counter => {
                // A family called `x` whose samples are called `x_total`, whether or not the metric is.
                let family = name.strip_suffix("_total").unwrap_or(name);
                let sample = format!("{family}_total");
                let clashes = |other: &str| other != name && names.contains(other);
                match clashes(family) || clashes(&sample) || family.is_empty() {
                    true => plain("unknown"),
                    false => Self { family, sample, kind: "counter" },
                }
            }
        }
    }

    fn push(&self, out: &mut String, help: &str, format: Format) {
        for part in ["# HELP ", self.family, " "] {
            out.push_str(part);
        }
        match format.is_open_metrics() {
            true => push_escaped(out, help),
            false => out.push_str(&help.replace('\\', "\\\\").replace('\n', "\\n")),
        }
        for part in ["\n# TYPE ", self.family, " ", self.kind, "\n"] {
            out.push_str(part);
        }
    }
}

fn push_series(
    out: &mut String,
    name: &str,
    definition: &Definition,
    labels: &str,
    snapshot: &Snapshot,
    format: Format,
) {
    match (snapshot, &definition.kind) {
        (Snapshot::Number(value), _) => push_sample(out, (name, "", labels, None), Number::Float(*value)),
        (Snapshot::Distribution { buckets, sum }, Kind::Distribution(bounds)) => {
            let mut count = 0;
            let bounds = bounds.iter().copied().chain([f64::INFINITY]);
            for (bound, in_bucket) in bounds.zip(buckets) {
                count += in_bucket;
                let mut bound_text = String::new();
                push_bound(&mut bound_text, bound, format.is_open_metrics());
                push_sample(out, (name, "_bucket", labels, Some(&bound_text)), Number::Integer(count));
            }
            push_sample(out, (name, "_sum", labels, None), Number::Float(*sum));
            push_sample(out, (name, "_count", labels, None), Number::Integer(count));
        }
        (Snapshot::Distribution { .. }, _) => {}
    }
}

enum Number {
    Integer(u64),
    Float(f64),
}

/// One line: name, suffix, labels, bound of the bucket; and the value.
fn push_sample(
    out: &mut String,
    (name, suffix, labels, bound): (&str, &str, &str, Option<&str>),
    value: Number,
) {
    out.push_str(name);
    out.push_str(suffix);
    if !labels.is_empty() || bound.is_some() {
        out.push('{');
        out.push_str(labels);
        if let Some(bound) = bound {
            if !labels.is_empty() {
                out.push(',');
            }
            push_label(out, "le", bound);
        }
        out.push('}');
    }
    out.push(' ');
    match value {
        Number::Integer(value) => push_integer(out, value),
        Number::Float(value) => push_float(out, value),
    }
    out.push('\n');
}

#[cfg(test)]
mod tests;
