//! The documented rules of the Metric API: headers, sizes, payload, metrics and attributes.

use std::io::Read as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flate2::read::GzDecoder;
use hyper::http::request::Parts;
use serde_json::{Map, Value as Json};

const MAX_BODY: usize = 1_000_000;
const RESERVED: &[&str] = &[
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
];

/// A rule that was broken.
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) fault: String,
}

fn refuse<T>(status: u16, fault: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { status, fault: fault.into() })
}

fn rule(holds: bool, fault: impl FnOnce() -> String) -> Result<(), Refused> {
    if holds { Ok(()) } else { refuse(400, fault()) }
}

/// The metrics of a request.
pub(super) fn check(parts: &Parts, body: &[u8], key: &str) -> Result<Vec<Json>, Refused> {
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if parts.uri.path() != "/metric/v1" {
        return refuse(404, format!("path {}", parts.uri));
    }
    if parts.method != "POST" {
        return refuse(405, format!("method {}", parts.method));
    }
    if header("api-key") != key {
        return refuse(403, "the key is not that of the account");
    }
    if header("content-length") != body.len().to_string() {
        return refuse(411, "no Content-Length");
    }
    if body.len() > MAX_BODY {
        return refuse(413, format!("{} bytes", body.len()));
    }
    if header("content-type") != "application/json" || header("content-encoding") != "gzip" {
        return refuse(415, "neither JSON nor gzip");
    }
    let id = header("x-request-id").as_bytes();
    let shape = id.len() == 36
        && id.get(14) == Some(&b'4')
        && [8, 13, 18, 23].iter().all(|at| id.get(*at) == Some(&b'-'));
    rule(shape, || format!("x-request-id {:?} is no UUID of version 4", header("x-request-id")))?;
    let mut text = String::new();
    let read = GzDecoder::new(body).read_to_string(&mut text);
    rule(read.is_ok(), || "the body is not gzip of UTF-8".to_owned())?;
    let Ok(Json::Array(batches)) = serde_json::from_str(&text) else {
        return refuse(400, "the body is no JSON array");
    };
    let mut metrics = Vec::new();
    for batch in batches {
        metrics.extend(check_batch(&batch)?);
    }
    Ok(metrics)
}

fn check_batch(batch: &Json) -> Result<Vec<Json>, Refused> {
    let Some(batch) = batch.as_object() else { return refuse(400, "a batch is no object") };
    rule(batch.keys().all(|key| key == "common" || key == "metrics"), || format!("keys {:?}", batch.keys()))?;
    let empty = Map::new();
    let common = batch.get("common").and_then(Json::as_object).unwrap_or(&empty);
    let Some(metrics) = batch.get("metrics").and_then(Json::as_array) else {
        return refuse(400, "a batch without metrics");
    };
    metrics.iter().map(|metric| check_metric(metric, common)).collect()
}

fn check_metric(metric: &Json, common: &Map<String, Json>) -> Result<Json, Refused> {
    let Some(own) = metric.as_object() else { return refuse(400, "a metric is no object") };
    let mut all = common.clone();
    for (key, value) in own {
        match (all.get_mut(key).and_then(Json::as_object_mut), value.as_object()) {
            (Some(known), Some(more)) if key == "attributes" => known.extend(more.clone()),
            _ => drop(all.insert(key.clone(), value.clone())),
        }
    }
    let name = all.get("name").and_then(Json::as_str).unwrap_or_default();
    let length = name.encode_utf16().count();
    rule((1..=255).contains(&length), || format!("a name of {length} characters"))?;
    let known = ["name", "type", "value", "timestamp", "interval.ms", "attributes"];
    rule(all.keys().all(|key| known.contains(&key.as_str())), || format!("{name}: keys {:?}", all.keys()))?;
    check_value(name, &all)?;
    check_time(name, &all)?;
    if let Some(attributes) = all.get("attributes") {
        let Some(attributes) = attributes.as_object() else {
            return refuse(400, format!("{name}: attributes are no object"));
        };
        rule(attributes.len() <= 100, || format!("{name}: {} attributes", attributes.len()))?;
        for (key, value) in attributes {
            check_attribute(name, key, value)?;
        }
    }
    Ok(Json::Object(all))
}

fn check_value(name: &str, metric: &Map<String, Json>) -> Result<(), Refused> {
    let kind = metric.get("type").and_then(Json::as_str).unwrap_or("gauge");
    let Some(value) = metric.get("value") else { return refuse(400, format!("{name}: no value")) };
    let number = |key: &str| value.get(key).is_some_and(Json::is_number);
    let number_or_null = |key: &str| value.get(key).is_some_and(|value| value.is_number() || value.is_null());
    let good = match kind {
        "gauge" => value.is_number(),
        "count" => value.as_f64().is_some_and(|value| value >= 0.0),
        "summary" => number("count") && number("sum") && number_or_null("min") && number_or_null("max"),
        _ => false,
    };
    rule(good, || format!("{name}: {kind} {value}"))?;
    let interval = metric.get("interval.ms").and_then(Json::as_u64);
    rule(kind == "gauge" || interval.is_some_and(|interval| interval > 0), || {
        format!("{name}: a {kind} without interval.ms")
    })
}

fn check_time(name: &str, metric: &Map<String, Json>) -> Result<(), Refused> {
    let millis = metric.get("timestamp").and_then(Json::as_u64).unwrap_or_default();
    let time = UNIX_EPOCH + Duration::from_millis(millis);
    let (now, hour) = (SystemTime::now(), Duration::from_secs(3600));
    rule(time > now - 48 * hour && time < now + 24 * hour, || format!("{name}: timestamp {millis}"))
}

fn check_attribute(name: &str, key: &str, value: &Json) -> Result<(), Refused> {
    let characters = key.chars().all(|c| c.is_alphanumeric() || matches!(c, ':' | '.' | '_'));
    rule(characters && (1..=255).contains(&key.chars().count()), || format!("{name}: attribute {key:?}"))?;
    rule(!RESERVED.contains(&key) && key != name, || format!("{name}: attribute {key:?} is reserved"))?;
    let good = match value {
        Json::String(text) => text.chars().count() <= 4096,
        Json::Number(_) | Json::Bool(_) => true,
        Json::Null | Json::Array(_) | Json::Object(_) => false,
    };
    rule(good, || format!("{name}: attribute {key} is {value}"))
}
