//! Metric instances as samples, and series as metrics of a payload.

use std::borrow::Cow;
use std::time::SystemTime;

use mixer_adapter_sdk::delivery::aggregate::{Attribute, Attributes, Point, PointValue};
use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::ValueMap;
use mixer_adapter_sdk::wire::Malformed;

use crate::attributes::{Changes, METRIC, prefixed};
use crate::json::Object;
use crate::time::millis;

/// The number of a metric value: a duration in milliseconds, text that is a number.
pub(crate) fn number(value: &ValueView<'_>) -> Option<f64> {
    match value {
        ValueView::Duration(duration) => Some(duration.nanos() as f64 / 1e6),
        other => other.as_f64(),
    }
}

/// The dimensions of an instance as attributes of a metric, at most so many.
pub(crate) fn attributes(
    dimensions: ValueMap<'_>,
    metric: &str,
    room: usize,
    changes: &mut Changes,
) -> Result<Attributes, Malformed> {
    let mut all: Vec<(Cow<'_, str>, Attribute)> = Vec::new();
    for (name, value) in dimensions.sorted()? {
        let Some(value) = value else { continue };
        if all.len() >= room {
            changes.left_out += 1;
            continue;
        }
        let Some((mut own, field)) = METRIC.attribute(name, &value, changes) else { continue };
        // An attribute that is called like its metric is refused.
        if own == metric {
            own = prefixed(metric);
            changes.renamed += 1;
        }
        all.push((own, field.into()));
    }
    Ok(Attributes::new(all.iter().map(|(name, value)| (&**name, value.clone()))))
}

/// One metric of a payload; none when its numbers have grown beyond what is a number.
pub(crate) fn metric(point: &Point, end: SystemTime) -> Option<Vec<u8>> {
    let mut metric = Object::new();
    metric.text("name", &point.name);
    match &point.value {
        PointValue::Gauge(last) => {
            metric.text("type", "gauge");
            metric.number("value", finite(*last)?);
        }
        PointValue::Count(total) => {
            metric.text("type", "count");
            metric.number("value", finite(*total)?);
        }
        PointValue::Summary { count, sum, min, max } => {
            metric.text("type", "summary");
            metric.begin("value");
            metric.uint("count", *count);
            metric.number("sum", finite(*sum)?);
            metric.number("min", *min);
            metric.number("max", *max);
            metric.end();
        }
        // Nothing is recorded in histograms, which New Relic has no type for.
        _ => return None,
    }
    if matches!(point.value, PointValue::Gauge(_)) {
        metric.uint("timestamp", millis(point.last));
    } else {
        let interval = end.duration_since(point.start).unwrap_or_default().as_millis().max(1);
        metric.uint("timestamp", millis(point.start));
        metric.uint("interval.ms", u64::try_from(interval).unwrap_or(u64::MAX));
    }
    if !point.attributes.is_empty() {
        metric.begin("attributes");
        for (name, value) in point.attributes.iter() {
            match value {
                Attribute::Text(text) => metric.text(name, text),
                Attribute::Int(number) => metric.int(name, *number),
                Attribute::Double(number) => metric.number(name, *number),
                Attribute::Bool(value) => metric.bool(name, *value),
            }
        }
        metric.end();
    }
    Some(metric.finish())
}

fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}
