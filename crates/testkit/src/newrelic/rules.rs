//! The documented rules of the ingest APIs: headers, sizes and payloads.

mod attributes;
mod events;
mod logs;
mod metrics;
mod spans;

use std::io::Read as _;
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::read::GzDecoder;
use hyper::http::request::Parts;
use serde_json::{Map, Value as Json};

use super::{IngestApi, json};

/// The largest body, as it is sent.
const MAX_BODY: usize = 1_000_000;
const HOUR: u64 = 3600 * 1000;

/// A rule that was broken.
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) fault: String,
}

impl Refused {
    pub(super) fn bad(fault: impl Into<String>) -> Self {
        Self { status: 400, fault: fault.into() }
    }
}

fn refuse<T>(status: u16, fault: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { status, fault: fault.into() })
}

fn rule(holds: bool, fault: impl FnOnce() -> String) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(Refused::bad(fault())) }
}

/// The items of a request.
pub(super) fn check(
    parts: &Parts,
    body: &[u8],
    keys: &[String],
    api: Option<IngestApi>,
) -> Result<Vec<Json>, Refused> {
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(api) = api else { return refuse(404, format!("path {}", parts.uri)) };
    if parts.method != "POST" {
        return refuse(405, format!("method {}", parts.method));
    }
    if !keys.iter().any(|key| key == header("api-key")) {
        return refuse(403, "the key is not that of an account");
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
    rule(!header("user-agent").is_empty(), || "no User-Agent".to_owned())?;
    check_id(header("x-request-id"))?;
    let format = (header("data-format"), header("data-format-version"));
    rule(matches!(format, ("", "") | ("newrelic", "1")), || format!("data format {format:?}"))?;
    let mut text = String::new();
    let read = GzDecoder::new(body).read_to_string(&mut text);
    rule(read.is_ok(), || "the body is not gzip of UTF-8".to_owned())?;
    let all = json::parse(&text).map_err(Refused::bad)?;
    let Json::Array(all) = all else { return refuse(400, "the body is no JSON array") };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = u64::try_from(now).unwrap_or(u64::MAX);
    match api {
        IngestApi::Metric => batches(&all, "metrics", |item, common| metrics::check(item, common, now)),
        IngestApi::Trace => batches(&all, "spans", |item, common| spans::check(item, common, now)),
        IngestApi::Log => batches(&all, "logs", |item, common| logs::check(item, common, now)),
        IngestApi::Event => events::check(all, now),
    }
}

/// A UUID of version 4.
fn check_id(id: &str) -> Result<(), Refused> {
    let bytes = id.as_bytes();
    let hyphen = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let digits = bytes.iter().enumerate().all(|(at, byte)| match hyphen(at) {
        true => *byte == b'-',
        false => byte.is_ascii_hexdigit(),
    });
    let version = bytes.get(14) == Some(&b'4');
    let variant = bytes.get(19).is_some_and(|byte| b"89abAB".contains(byte));
    rule(bytes.len() == 36 && digits && version && variant, || {
        format!("x-request-id {id:?} is no UUID of version 4")
    })
}

fn batches(
    batches: &[Json],
    items: &str,
    check: impl Fn(&Map<String, Json>, &Map<String, Json>) -> Result<Json, Refused>,
) -> Result<Vec<Json>, Refused> {
    let empty = Map::new();
    let mut all = Vec::new();
    for batch in batches {
        let Some(batch) = batch.as_object() else { return refuse(400, "a batch is no object") };
        let known = |key: &String| key == "common" || key == items;
        rule(batch.keys().all(known), || format!("keys {:?}", batch.keys()))?;
        let common = match batch.get("common") {
            None => &empty,
            Some(Json::Object(common)) => common,
            Some(other) => return refuse(400, format!("common is {other}")),
        };
        let Some(found) = batch.get(items).and_then(Json::as_array) else {
            return refuse(400, format!("a batch without {items}"));
        };
        for item in found {
            let Some(item) = item.as_object() else { return refuse(400, "an item is no object") };
            all.push(check(item, common)?);
        }
    }
    Ok(all)
}

/// An item with the fields of `common` that it does not have.
fn merged(item: &Map<String, Json>, common: &Map<String, Json>) -> Map<String, Json> {
    let mut all = common.clone();
    for (key, value) in item {
        match (all.get_mut(key).and_then(Json::as_object_mut), value.as_object()) {
            (Some(known), Some(more)) if key == "attributes" => known.extend(more.clone()),
            _ => drop(all.insert(key.clone(), value.clone())),
        }
    }
    all
}

/// What happened longer ago than so many hours, or later than in 24, is lost.
fn check_time(what: &str, item: &Map<String, Json>, hours: u64, now: u64) -> Result<(), Refused> {
    let time = item.get("timestamp");
    let millis = time.and_then(Json::as_u64).unwrap_or_default();
    rule(millis + hours * HOUR > now && millis < now + 24 * HOUR, || format!("{what}: timestamp {time:?}"))
}
