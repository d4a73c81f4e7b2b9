//! The lines: `name:value|type|@rate`, with Graphite's tags behind the name.

use std::borrow::Cow;
use std::io::Write as _;

use mixer_adapter_sdk::delivery::datagram::{LineNumber, NoNumber};
use mixer_adapter_sdk::text_template::Part;
use mixer_adapter_sdk::typed::DropReason;
use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::MetricView;
use mixer_adapter_sdk::wire::Malformed;

use crate::config::{Kind, Metric, Style};
use crate::generated::params::IntegerDistribution;

/// Why no line is made of an instance.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("no entry of `metrics` names this instance")]
    UnknownInstance,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    NoNumber(#[from] NoNumber),
    #[error("the timing {0} is negative")]
    NegativeTiming(LineNumber),
    #[error("the name needs dimension {0:?}, which the instance has not")]
    MissingDimension(String),
    #[error("the name is empty")]
    NoName,
}

impl DropReason for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::UnknownInstance => "unknown_instance",
            Self::Malformed(error) => error.reason(),
            Self::NoNumber(error) => error.reason(),
            Self::NegativeTiming(_) => "negative_timing",
            Self::MissingDimension(_) => "missing_dimension",
            Self::NoName => "no_name",
        }
    }
}

/// Writes the line of an instance; how many of its texts had to be changed or left out.
pub(crate) fn write(
    out: &mut Vec<u8>,
    style: &Style,
    metric: &Metric,
    view: &MetricView<'_>,
) -> Result<usize, Refusal> {
    let start = out.len();
    let mut changed = name(out, metric, view)?;
    if out.len() == start {
        return Err(Refusal::NoName);
    }
    if let Some((global, keys)) = &style.tags {
        changed += tags(out, metric, view, keys)?;
        out.extend_from_slice(global.as_bytes());
    }
    if metric.kind == Kind::Set {
        let value = view.value()?.ok_or(NoNumber::Missing)?;
        let text = value.text();
        let (text, unfit) = clean(&text);
        // Memory takes every write.
        let _ = write!(out, ":{text}|s");
        return Ok(changed + usize::from(unfit));
    }
    let value = view.value()?;
    let number = LineNumber::of(value)?;
    let kind = match (metric.kind, value, style.integers) {
        (Kind::Counter, ..) => "c",
        (Kind::Gauge, ..) => "g",
        (_, Some(ValueView::Int64(_)), IntegerDistribution::AsCounter) => "c",
        (_, Some(ValueView::Int64(_)), IntegerDistribution::AsHistogram) => "h",
        _ if number.is_negative() => return Err(Refusal::NegativeTiming(number)),
        _ => "ms",
    };
    if kind == "g" && number.is_negative() {
        // A sign means a step; only from 0 does a step down lead to where it should.
        let name = out.get(start..).unwrap_or_default().to_vec();
        out.extend_from_slice(b":0|g\n");
        out.extend_from_slice(&name);
    }
    let _ = write!(out, ":{number}|{kind}");
    if style.rate < 1.0 && kind != "g" {
        let _ = write!(out, "|@{}", style.rate);
    }
    Ok(changed)
}

/// Whether only a share of a metric's instances is sent.
pub(crate) fn is_sampled(metric: &Metric) -> bool {
    matches!(metric.kind, Kind::Counter | Kind::Distribution)
}

fn name(out: &mut Vec<u8>, metric: &Metric, view: &MetricView<'_>) -> Result<usize, Refusal> {
    let mut changed = 0;
    for part in metric.name.parts() {
        match part {
            Part::Text(text) => out.extend_from_slice(text.as_bytes()),
            Part::Value(wanted) => {
                let mut found = None;
                for entry in view.dimensions() {
                    let (key, value) = entry?;
                    if key == wanted {
                        found = Some(value);
                    }
                }
                let value = found.ok_or_else(|| Refusal::MissingDimension(wanted.clone()))?;
                let text = value.as_ref().map(ValueView::text).unwrap_or_default();
                let (text, unfit) = clean(&text);
                out.extend_from_slice(text.as_bytes());
                changed += usize::from(unfit);
            }
        }
    }
    Ok(changed)
}

fn tags(
    out: &mut Vec<u8>,
    metric: &Metric,
    view: &MetricView<'_>,
    global: &[String],
) -> Result<usize, Refusal> {
    let mut changed = 0;
    for (key, value) in view.dimensions().sorted()? {
        if metric.name.names().any(|name| name == key) {
            continue;
        }
        // A key is there once.
        if global.iter().any(|known| *known == clean(key).0) {
            changed += 1;
            continue;
        }
        let text = value.as_ref().map(ValueView::text).unwrap_or_default();
        changed += match tag(out, key, &text) {
            Some(unfit) => usize::from(unfit),
            // Graphite has no empty ones.
            None => usize::from(!text.is_empty()),
        };
    }
    Ok(changed)
}

/// Writes a tag, and says whether it was changed; none when its key or value is empty.
pub(crate) fn tag(out: &mut Vec<u8>, key: &str, value: &str) -> Option<bool> {
    if key.is_empty() || value.is_empty() {
        return None;
    }
    let ((key, key_changed), (value, value_changed)) = (clean(key), clean(value));
    let _ = write!(out, ";{key}={value}");
    Some(key_changed || value_changed)
}

/// Text without what would end a name, a value or a tag, and whether that is a change. What is left is what
/// StatsD's own server keeps, and `/`.
pub(crate) fn clean(text: &str) -> (Cow<'_, str>, bool) {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | '/');
    if text.chars().all(fits) {
        return (Cow::Borrowed(text), false);
    }
    let cleaned = text.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect();
    (Cow::Owned(cleaned), true)
}
