//! Rules of the Metric API.

use serde_json::{Map, Value as Json};

use super::attributes::{Limits, check_field};
use super::{Refused, check_time, merged, refuse, rule};

const LIMITS: Limits = Limits {
    count: 100,
    text: 4096,
    bools: true,
    reserved: &[
        "interval.ms",
        "timestamp",
        "value",
        "common",
        "min",
        "max",
        "count",
        "sum",
        "metrics",
        "newrelic.source",
        "metricName",
        "endTimestamp",
    ],
};

const KEYS: &[&str] = &["name", "type", "value", "timestamp", "interval.ms", "attributes"];

pub(super) fn check(own: &Map<String, Json>, common: &Map<String, Json>, now: u64) -> Result<Json, Refused> {
    let shared = ["timestamp", "interval.ms", "attributes"];
    rule(common.keys().all(|key| shared.contains(&&**key)), || format!("common: keys {:?}", common.keys()))?;
    let mut all = merged(own, common);
    let name = all.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
    let length = name.encode_utf16().count();
    rule((1..=255).contains(&length), || format!("a name of {length} characters"))?;
    rule(all.keys().all(|key| KEYS.contains(&&**key)), || format!("{name}: keys {:?}", all.keys()))?;
    check_value(&name, &all)?;
    check_time(&name, &all, 48, now)?;
    check_field(&name, &all, &LIMITS)?;
    let own = all.get("attributes").and_then(|attributes| attributes.get(&name));
    rule(own.is_none(), || format!("{name}: an attribute is called like the metric"))?;
    all.entry("type").or_insert_with(|| "gauge".into());
    Ok(Json::Object(all))
}

fn check_value(name: &str, metric: &Map<String, Json>) -> Result<(), Refused> {
    let kind = metric.get("type").and_then(Json::as_str).unwrap_or("gauge");
    let Some(value) = metric.get("value") else { return refuse(400, format!("{name}: no value")) };
    let number = |key: &str| value.get(key).is_some_and(Json::is_number);
    let number_or_null = |key: &str| value.get(key).is_some_and(|value| value.is_number() || value.is_null());
    let only =
        |keys: &[&str]| value.as_object().is_some_and(|value| value.keys().all(|key| keys.contains(&&**key)));
    let good = match kind {
        "gauge" => value.is_number(),
        "count" => value.as_f64().is_some_and(|value| value >= 0.0),
        "summary" => {
            let known = only(&["count", "sum", "min", "max"]);
            known && number("count") && number("sum") && number_or_null("min") && number_or_null("max")
        }
        _ => false,
    };
    rule(good, || format!("{name}: {kind} {value}"))?;
    let interval = metric.get("interval.ms").and_then(Json::as_u64);
    rule(kind == "gauge" || interval.is_some_and(|interval| interval > 0), || {
        format!("{name}: a {kind} without interval.ms")
    })
}
