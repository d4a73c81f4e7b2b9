//! Cloud Monitoring: descriptors that stay as they were made, and points that each come after the last one of their series.

use std::collections::{HashMap, HashSet};

use serde_json::{Value as Json, json};

use super::series::{self, Point};
use super::{Refused, State};

const SUMMARY: &str = "google.monitoring.v3.CreateTimeSeriesSummary";
const MAX_SERIES: usize = 200;
/// A series takes one point in so many nanoseconds.
const LEAST_DISTANCE: i128 = 5_000_000_000;
const STEP: i128 = 1_000_000;

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Monitoring {
    descriptors: HashMap<String, Json>,
    /// Start and end of the last point of each series.
    last: HashMap<String, (i128, i128)>,
}

/// `projects.metricDescriptors.create`
pub(super) fn create_descriptor(state: &mut State, project: &str, own: &Json) -> Result<Json, Refused> {
    let refuse = |message: String| Err(Refused::new(3, message));
    let kind = text(own, "type");
    if !series::is_ours(kind) {
        return refuse(format!("descriptors of {kind} are not made by users"));
    }
    let (metric_kind, value_type) = (text(own, "metricKind"), text(own, "valueType"));
    let numeric = !matches!(value_type, "BOOL" | "STRING");
    if !matches!(metric_kind, "GAUGE" | "CUMULATIVE") || !(numeric || metric_kind == "GAUGE") {
        return refuse(format!("{kind}: kind {metric_kind} of {value_type}"));
    }
    if !matches!(value_type, "BOOL" | "INT64" | "DOUBLE" | "STRING" | "DISTRIBUTION") {
        return refuse(format!("{kind}: value type {value_type:?}"));
    }
    if own.get("unit").is_some() && !numeric {
        return refuse(format!("{kind}: a unit of {value_type}"));
    }
    let keys = label_keys(own);
    if keys.len() > series::MAX_LABELS || !keys.iter().all(|key| series::is_label_key(key)) {
        return refuse(format!("{kind}: labels {keys:?}"));
    }
    if let Some(known) = state.monitoring.descriptors.get(kind) {
        let same = ["metricKind", "valueType"].iter().all(|field| known.get(field) == own.get(field));
        if same && !label_keys(known).is_subset(&keys) {
            // Labels are added, and not taken away. Who did not know can look.
            return Err(Refused::new(6, format!("{kind}: the descriptor is {known}")));
        }
        if !same {
            return refuse(format!("{kind}: the descriptor is {known} and does not become {own}"));
        }
    }
    let mut made = own.clone();
    if let Some(made) = made.as_object_mut() {
        made.insert("name".to_owned(), format!("projects/{project}/metricDescriptors/{kind}").into());
    }
    state.monitoring.descriptors.insert(kind.to_owned(), own.clone());
    state.seen.descriptors.push(own.clone());
    Ok(made)
}

/// `projects.metricDescriptors.get`
pub(super) fn get_descriptor(state: &State, kind: &str) -> Result<Json, Refused> {
    let known = state.monitoring.descriptors.get(kind).cloned();
    known.ok_or_else(|| Refused::new(5, format!("no descriptor of {kind}")))
}

/// `projects.timeSeries.create`: the first `refuse` points are refused with a code.
pub(super) fn create_time_series(
    state: &mut State,
    project: &str,
    message: &Json,
    refuse: (usize, i64),
) -> Result<Json, Refused> {
    let all = message.get("timeSeries").and_then(Json::as_array).cloned().unwrap_or_default();
    if all.is_empty() || all.len() > MAX_SERIES {
        return Err(Refused::new(3, format!("{} time series in a call", all.len())));
    }
    let mut seen = HashSet::new();
    let mut failed: Vec<(i64, String)> = Vec::new();
    let mut written = 0;
    for (index, own) in all.iter().enumerate() {
        let point = series::check(own, project).map_err(|message| Refused::new(3, message))?;
        if !seen.insert(point.identity.clone()) {
            return Err(Refused::new(3, format!("two points of one series: {}", point.identity)));
        }
        let checked = match index < refuse.0 {
            true => Err((refuse.1, "as the test wants it".to_owned())),
            false => take(state, own, &point).map_err(|message| (3, message)),
        };
        match checked {
            Ok(()) => {
                written += 1;
                state.seen.series.push(own.clone());
            }
            Err(error) => failed.push(error),
        }
    }
    let Some((code, message)) = failed.first().cloned() else { return Ok(json!({})) };
    let mut errors: Vec<Json> = Vec::new();
    let codes: HashSet<_> = failed.iter().cloned().collect();
    for (code, message) in codes {
        let count = failed.iter().filter(|error| **error == (code, message.clone())).count();
        errors.push(json!({"status": {"code": code, "message": message}, "pointCount": count}));
    }
    let summary = json!({"totalPointCount": all.len(), "successPointCount": written, "errors": errors});
    let message = format!("One or more TimeSeries could not be written: {message}");
    Err(Refused { code, message, detail: Some((SUMMARY, summary)) })
}

/// Whether a point fits what was written before.
fn take(state: &mut State, own: &Json, point: &Point) -> Result<(), String> {
    let monitoring = &mut state.monitoring;
    if series::is_ours(&point.metric_type) {
        match monitoring.descriptors.get(&point.metric_type) {
            Some(known) => {
                let same = ["metricKind", "valueType"].iter().all(|field| known.get(field) == own.get(field));
                if !same || !point.label_keys.is_subset(&label_keys(known)) {
                    return Err(format!("{own} does not fit the descriptor {known}"));
                }
            }
            None => {
                // Made of the point itself.
                let labels: Vec<_> = point.label_keys.iter().map(|key| json!({"key": key})).collect();
                let (kind, value) = (own.get("metricKind"), own.get("valueType"));
                let known = json!({"metricKind": kind, "valueType": value, "labels": labels});
                monitoring.descriptors.insert(point.metric_type.clone(), known);
            }
        }
    }
    if let Some((start, end)) = monitoring.last.get(&point.identity) {
        let continues = point.kind == "GAUGE"
            || (point.kind == "CUMULATIVE" && point.start == *start)
            || point.start >= end + STEP;
        if point.end <= *end || !continues {
            state.seen.out_of_order += 1;
            return Err("Points must be written in order. One or more of the points specified had an older start time than the most recent point.".to_owned());
        }
        if point.end - end < LEAST_DISTANCE {
            state.seen.out_of_order += 1;
            return Err("One or more points were written more frequently than the maximum sampling period configured for the metric.".to_owned());
        }
    }
    monitoring.last.insert(point.identity.clone(), (point.start, point.end));
    Ok(())
}

fn label_keys(descriptor: &Json) -> HashSet<String> {
    let labels = descriptor.get("labels").and_then(Json::as_array);
    labels.into_iter().flatten().map(|label| text(label, "key").to_owned()).collect()
}

fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json.get(name).and_then(Json::as_str).unwrap_or_default()
}
