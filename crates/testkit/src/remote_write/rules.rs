//! The rules for requests and series of both versions of remote write.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::http::request::Parts;

use super::read::ReadSeries;
use super::{WrittenPoint, WrittenValue, is_stale};

/// How far in the future a sample may be, in milliseconds.
const AHEAD: i64 = 10 * 60 * 1000;

const COUNTER: i32 = 1;
const HISTOGRAM: i32 = 3;

/// The version of the protocol that a request says it is of.
pub(super) fn version(parts: &Parts, body: &[u8]) -> Result<u8, (u16, String)> {
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if parts.uri.path() != "/api/v1/write" || parts.method != "POST" {
        return Err((404, format!("{} {}", parts.method, parts.uri)));
    }
    if header("content-encoding") != "snappy" {
        return Err((415, format!("content-encoding {:?}", header("content-encoding"))));
    }
    if header("user-agent").is_empty() {
        return Err((400, "no user-agent".to_owned()));
    }
    if header("content-length") != body.len().to_string() {
        return Err((411, "no content-length".to_owned()));
    }
    let content_type = header("content-type").replace(' ', "");
    let (version, numbered) = match content_type.as_str() {
        "application/x-protobuf" | "application/x-protobuf;proto=prometheus.WriteRequest" => (1, "0.1."),
        "application/x-protobuf;proto=io.prometheus.write.v2.Request" => (2, "2.0."),
        other => return Err((415, format!("content-type {other:?}"))),
    };
    let written = header("x-prometheus-remote-write-version");
    match written.starts_with(numbered) {
        true => Ok(version),
        false => Err((400, format!("version {written:?} with {content_type}"))),
    }
}

/// What a receiver remembers of each series: its newest point.
pub(super) type Newest = HashMap<Vec<(String, String)>, (i64, WrittenValue)>;

/// Checks a series by the rules for its version, and against what came before.
pub(super) fn check(series: &ReadSeries, version: u8, newest: &mut Newest) -> Result<(), String> {
    labels(&series.labels)?;
    let fault = |text: &str| Err(format!("{:?} {text}", series.labels));
    if series.points.is_empty() {
        return fault("has neither samples nor histograms");
    }
    let is_histogram = |point: &WrittenPoint| matches!(point.value, WrittenValue::Histogram(_));
    if series.points.iter().any(is_histogram) != series.points.iter().all(is_histogram) {
        return fault("has samples and histograms");
    }
    for point in &series.points {
        time(point, version)?;
        let known = newest.insert(series.labels.clone(), (point.at, point.value.clone()));
        if known.is_some_and(|(at, value)| at > point.at || (at == point.at && !value.is_same(&point.value)))
        {
            return fault("is out of order");
        }
        if version == 2 && !matches!(point.metric_type, Some(1..=7)) {
            return fault("has no type");
        }
    }
    for (names, _, at) in &series.exemplars {
        let characters: usize =
            names.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
        if characters > 128 || *at <= 0 || !names.is_sorted_by(|a, b| a.0 < b.0) {
            return fault("has an exemplar without time, or with labels that are too long or not sorted");
        }
    }
    Ok(())
}

fn labels(labels: &[(String, String)]) -> Result<(), String> {
    let is_name = |name: &str, colon: bool| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colon && c == ':');
        name.chars().next().is_some_and(|first| !first.is_ascii_digit()) && name.chars().all(allowed)
    };
    if !labels.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(format!("{labels:?} are not sorted, or there twice"));
    }
    if labels.iter().any(|(name, value)| name.is_empty() || value.is_empty()) {
        return Err(format!("{labels:?}: one is empty"));
    }
    let name = labels.iter().find(|(name, _)| name == "__name__");
    let is_named = name.is_some_and(|(_, name)| is_name(name, true));
    let are_names = labels
        .iter()
        .all(|(name, _)| is_name(name, false) && (name == "__name__" || !name.starts_with("__")));
    match is_named && are_names {
        true => Ok(()),
        false => Err(format!("{labels:?}: no name of a metric or of a label")),
    }
}

fn time(point: &WrittenPoint, version: u8) -> Result<(), String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    if point.at <= 0 || point.at > now + AHEAD {
        return Err(format!("{:?} is at {}", point.labels, point.at));
    }
    let cumulative = matches!(point.metric_type, Some(COUNTER | HISTOGRAM));
    let starts_well = match (version, point.start) {
        (1, start) => start.is_none(),
        (_, Some(start)) => cumulative && start <= point.at,
        (_, None) => !cumulative,
    };
    if !starts_well {
        return Err(format!(
            "{:?} of type {:?} starts at {:?}",
            point.labels, point.metric_type, point.start
        ));
    }
    match &point.value {
        WrittenValue::Histogram(histogram) if is_stale(histogram.sum) && histogram.count > 0 => {
            Err(format!("{:?} ends with values", point.labels))
        }
        _ => Ok(()),
    }
}
