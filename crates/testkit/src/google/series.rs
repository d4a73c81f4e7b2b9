//! The documented rules of one `TimeSeries`: names, labels, resource, interval and value.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

pub(super) const MAX_LABELS: usize = 30;
const MAX_LABEL_VALUE: usize = 1024;
const MAX_BUCKETS: usize = 200;
const SECOND: i128 = 1_000_000_000;

/// The labels that a resource has, all of them.
const RESOURCES: &[(&str, &[&str])] = &[
    (
        "k8s_container",
        &["project_id", "location", "cluster_name", "namespace_name", "pod_name", "container_name"],
    ),
    ("k8s_pod", &["project_id", "location", "cluster_name", "namespace_name", "pod_name"]),
    ("k8s_node", &["project_id", "location", "cluster_name", "node_name"]),
    ("k8s_cluster", &["project_id", "location", "cluster_name"]),
    (
        "istio_canonical_service",
        &["project_id", "location", "mesh_uid", "namespace_name", "canonical_service_name"],
    ),
    ("generic_task", &["project_id", "location", "namespace", "job", "task_id"]),
    ("global", &["project_id"]),
];

/// What is remembered of a point.
pub(super) struct Point {
    pub(super) identity: String,
    pub(super) metric_type: String,
    pub(super) label_keys: HashSet<String>,
    pub(super) kind: String,
    /// Nanoseconds since 1970.
    pub(super) start: i128,
    pub(super) end: i128,
}

/// Whether users make the descriptors of a metric.
pub(super) fn is_ours(metric: &str) -> bool {
    ["custom.", "external.", "workload."]
        .iter()
        .any(|prefix| metric.starts_with(&format!("{prefix}googleapis.com/")))
}

pub(super) fn is_label_key(key: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=100).contains(&key.len())
        && key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(good)
}

pub(super) fn check(own: &Json, project: &str) -> Result<Point, String> {
    let metric = own.get("metric").ok_or("no metric")?;
    let metric_type = text(metric, "type").to_owned();
    let said = |what: &str| format!("{metric_type}: {what} in {own}");
    let domain = metric_type.split('/').next().unwrap_or_default();
    if !domain.contains('.') || metric_type.len() > 200 || domain.len() == metric_type.len() {
        return Err(said("the type"));
    }
    let labels = object(metric, "labels");
    let good = |(key, value): (&String, &Json)| {
        is_label_key(key) && value.as_str().is_some_and(|value| value.chars().count() <= MAX_LABEL_VALUE)
    };
    if labels.len() > MAX_LABELS || !labels.iter().all(good) {
        return Err(said("labels"));
    }
    let resource = own.get("resource").ok_or_else(|| said("no resource"))?;
    check_resource(resource, project).map_err(|what| said(&what))?;
    let points = own.get("points").and_then(Json::as_array).cloned().unwrap_or_default();
    let [point] = &points[..] else { return Err(said("not one point")) };
    let kind = own.get("metricKind").and_then(Json::as_str).unwrap_or("GAUGE");
    if kind == "DELTA" && is_ours(&metric_type) {
        return Err(said("DELTA of a metric of the user's own"));
    }
    let (start, end) = check_interval(point, kind).map_err(|what| said(&what))?;
    check_value(own, point, kind).map_err(|what| said(&what))?;
    Ok(Point {
        identity: format!("{metric_type} {} {resource}", Json::from(labels.clone())),
        label_keys: labels.keys().cloned().collect(),
        metric_type,
        kind: kind.to_owned(),
        start,
        end,
    })
}

/// The rules of a monitored resource.
pub(super) fn check_resource(resource: &Json, project: &str) -> Result<(), String> {
    let (kind, labels) = (text(resource, "type"), object(resource, "labels"));
    let Some((_, wanted)) = RESOURCES.iter().find(|(name, _)| *name == kind) else {
        return Err(format!("resource type {kind:?}"));
    };
    let mut keys: Vec<&str> = labels.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    if keys != wanted {
        return Err(format!("labels {keys:?} of a {kind}"));
    }
    let own = labels.get("project_id").and_then(Json::as_str);
    let set = ["location", "cluster_name"].iter().all(|key| labels.get(*key).is_none_or(|value| value != ""));
    if own == Some(project) && set { Ok(()) } else { Err(format!("labels {labels:?} of a {kind}")) }
}

fn check_interval(point: &Json, kind: &str) -> Result<(i128, i128), String> {
    let interval = point.get("interval").ok_or("no interval")?;
    let time = |name: &str| match interval.get(name).and_then(Json::as_str) {
        None => Ok(None),
        Some(text) => nanos(text).map(Some),
    };
    let end = time("endTime")?.ok_or("no endTime")?;
    let start = time("startTime")?.unwrap_or(end);
    let good = match kind {
        "GAUGE" => start == end,
        _ => start < end,
    };
    let now = jiff::Timestamp::now().as_nanosecond();
    let near = end <= now + 300 * SECOND && end >= now - 25 * 3600 * SECOND;
    if good && near { Ok((start, end)) } else { Err(format!("interval of a {kind}")) }
}

pub(super) fn nanos(text: &str) -> Result<i128, String> {
    let time: jiff::Timestamp = text.parse().map_err(|_| format!("time {text}"))?;
    Ok(time.as_nanosecond())
}

fn check_value(own: &Json, point: &Json, kind: &str) -> Result<(), String> {
    let value = point.get("value").ok_or("no value")?;
    let field = value.as_object().and_then(|value| value.keys().next()).map(String::as_str);
    let own_type = match field {
        Some("boolValue") => "BOOL",
        Some("int64Value") => "INT64",
        Some("doubleValue") => "DOUBLE",
        Some("stringValue") => "STRING",
        Some("distributionValue") => "DISTRIBUTION",
        _ => return Err("no value".to_owned()),
    };
    if own.get("valueType").is_some_and(|said| said != own_type) {
        return Err(format!("a value of type {own_type}"));
    }
    if matches!(own_type, "BOOL" | "STRING") && (kind != "GAUGE" || own.get("unit").is_some()) {
        return Err(format!("a {kind} of {own_type}"));
    }
    value.get("distributionValue").map_or(Ok(()), check_distribution)
}

fn check_distribution(distribution: &Json) -> Result<(), String> {
    let number = |name: &str| distribution.get(name).and_then(Json::as_f64).unwrap_or_default();
    let whole = |value: &Json| value.as_str().and_then(|text| text.parse::<i64>().ok()).unwrap_or(-1);
    let count = distribution.get("count").map_or(0, whole);
    let empty = count == 0 && number("mean") == 0.0 && number("sumOfSquaredDeviation") == 0.0;
    if !(empty || count > 0) || number("sumOfSquaredDeviation") < 0.0 {
        return Err("count, mean or deviation".to_owned());
    }
    let counts = distribution.get("bucketCounts").and_then(Json::as_array).cloned().unwrap_or_default();
    let Some(options) = distribution.get("bucketOptions") else {
        return if counts.is_empty() { Ok(()) } else { Err("counts without buckets".to_owned()) };
    };
    let finite = |form: &str| options.get(form)?.get("numFiniteBuckets")?.as_u64();
    let bounds = options.get("explicitBuckets").and_then(|explicit| explicit.get("bounds")?.as_array());
    let finite = finite("linearBuckets").or_else(|| finite("exponentialBuckets"));
    let buckets = match (finite, bounds) {
        (Some(finite), _) => usize::try_from(finite).unwrap_or(usize::MAX).saturating_add(2),
        (None, Some(bounds)) => {
            let bounds: Vec<f64> = bounds.iter().filter_map(Json::as_f64).collect();
            if !bounds.is_sorted_by(|a, b| a < b) {
                return Err("bounds that do not rise".to_owned());
            }
            bounds.len() + 1
        }
        (None, None) => return Err("buckets of no kind".to_owned()),
    };
    let sum: i64 = counts.iter().map(whole).sum();
    match counts.len() <= buckets && buckets <= MAX_BUCKETS && sum == count {
        true => Ok(()),
        false => Err(format!("{} counts of {sum} in {buckets} buckets of {count}", counts.len())),
    }
}

pub(super) fn object(json: &Json, name: &str) -> Map<String, Json> {
    json.get(name).and_then(Json::as_object).cloned().unwrap_or_default()
}

pub(super) fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json.get(name).and_then(Json::as_str).unwrap_or_default()
}
