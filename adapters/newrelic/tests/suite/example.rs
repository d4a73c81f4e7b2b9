//! The files that come with the adapter belong together: example.yaml names the instances of mesh.yaml, and the dashboard asks
//! only for what these two send.

use std::collections::{BTreeMap, BTreeSet};

use mixer_adapter_sdk::params::encode;
use mixer_adapter_sdk::{HandlerSpec, value::Value};
use mixer_proto::template::{logentry, tracespan};
use serde_json::{Value as Json, json};

use crate::support::{Rig, a_span, text, values};

const EXAMPLE: &str = include_str!("../../example.yaml");
const MESH: &str = include_str!("../../mesh.yaml");
const DASHBOARD: &str = include_str!("../../dashboard.json");

/// The instances of mesh.yaml by their full names.
fn instances() -> BTreeMap<String, Json> {
    let documents = MESH.split("\n---\n").skip(1).map(|text| serde_saphyr::from_str::<Json>(text).unwrap());
    let instances = documents.filter(|document| document["kind"] == "instance");
    instances
        .map(|document| {
            let name = document["metadata"]["name"].as_str().unwrap();
            (format!("{name}.instance.istio-system"), document["spec"].clone())
        })
        .collect()
}

fn example() -> Json {
    serde_saphyr::from_str(EXAMPLE).unwrap()
}

#[test]
fn the_example_is_valid() {
    let adapter = mixer_newrelic_adapter::adapter();
    let params = encode(adapter.info(), EXAMPLE).unwrap();
    let spec = HandlerSpec { name: "h".into(), params, instances: Vec::new() };
    assert_eq!(adapter.validate(&spec), []);
}

#[test]
fn the_example_and_the_rules_name_the_same_instances() {
    let instances = instances();
    let of = |template: &str| -> BTreeSet<String> {
        let found = instances.iter().filter(|(_, spec)| spec["template"] == template);
        found.map(|(name, _)| name.clone()).collect()
    };
    let named = |field: &str| -> BTreeSet<String> {
        let example = example();
        let names = example[field].as_object().unwrap().keys();
        names.filter(|name| !name.starts_with("{{")).cloned().collect()
    };
    assert_eq!(named("metrics"), of("metric"));
    assert_eq!(named("logs"), of("logentry"));
    assert_eq!(of("tracespan").len(), 1);
    let sizes = ["newrelic-request-size", "newrelic-response-size"];
    let example = example();
    for size in sizes {
        let key = format!("{size}.instance.istio-system");
        assert_eq!(example["metrics"][&key]["type"], "SUMMARY", "every request counts");
    }
}

/// What can be asked for: names of metrics with the attributes of each.
fn metrics() -> BTreeMap<String, BTreeSet<String>> {
    let (instances, example) = (instances(), example());
    let metrics = example["metrics"].as_object().unwrap().iter();
    let metrics = metrics.filter_map(|(instance, info)| {
        let spec = instances.get(instance)?;
        let name = format!("istio.{}", info["name"].as_str()?);
        let dimensions = spec["params"]["dimensions"].as_object()?.keys().cloned();
        Some((name, dimensions.chain(["cluster.name".to_owned()]).collect()))
    });
    metrics.collect()
}

/// The attributes that a span and a log entry of the rules arrive with.
async fn sent() -> (BTreeSet<String>, BTreeSet<String>) {
    let instances = instances();
    let names = |instance: &str, field: &str| -> Vec<(String, Value)> {
        let all = instances[instance]["params"][field].as_object().unwrap().keys();
        all.map(|name| (name.clone(), text("x"))).collect()
    };
    let rig = Rig::new(json!({"cluster_name": "west"})).await;
    let tags = names("newrelic-span.instance.istio-system", "span_tags");
    let tags: Vec<_> = tags.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let span = tracespan::InstanceMsg {
        span_tags: values(&tags),
        destination_name: "reviews".into(),
        parent_span_id: "1".into(),
        http_status_code: 503,
        ..a_span("2")
    };
    rig.span(span).await;
    let variables = names("newrelic-accesslog.instance.istio-system", "variables");
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let entry = logentry::InstanceMsg {
        variables: values(&variables),
        severity: "error".into(),
        ..Default::default()
    };
    rig.entry("newrelic-accesslog.instance.istio-system", entry).await;
    let seen = rig.close().await;
    let keys = |item: &Json| item["attributes"].as_object().unwrap().keys().cloned().collect();
    (keys(&seen.spans[0]), keys(&seen.logs[0]))
}

/// The words of a query that are names: those with a dot in them.
fn names(query: &str) -> BTreeSet<String> {
    let mut plain = String::new();
    for (index, part) in query.split('\'').enumerate() {
        // What stands in quotes is a text, but for the name of a metric.
        let quoted = index % 2 == 1;
        plain.push_str(if quoted && !part.starts_with("istio.") { " " } else { part });
    }
    let words = plain.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_')));
    words
        .filter(|word| word.contains('.') && !word.starts_with(|c: char| c.is_ascii_digit()))
        .map(str::to_owned)
        .collect()
}

fn queries(json: &Json, found: &mut Vec<String>) {
    match json {
        Json::Object(fields) => {
            found.extend(fields.get("query").and_then(Json::as_str).map(str::to_owned));
            fields.values().for_each(|value| queries(value, found));
        }
        Json::Array(items) => items.iter().for_each(|item| queries(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_dashboard_asks_for_what_is_sent() {
    let dashboard: Json = serde_json::from_str(DASHBOARD).unwrap();
    let mut all = Vec::new();
    queries(&dashboard, &mut all);
    let metrics = metrics();
    let (span, log) = sent().await;
    let mut shown = BTreeSet::new();
    for query in &all {
        let (asked, others): (BTreeSet<_>, BTreeSet<_>) =
            names(query).into_iter().partition(|name| metrics.contains_key(name));
        if query.starts_with("FROM Metric ") {
            assert!(!asked.is_empty(), "no metric of the example in {query}");
            for metric in &asked {
                let unknown: Vec<_> = others.difference(&metrics[metric]).collect();
                assert!(unknown.is_empty(), "{unknown:?} of {query}");
            }
            shown.extend(asked);
        } else {
            let known = if query.starts_with("FROM Span ") { &span } else { &log };
            let unknown: Vec<_> = others.difference(known).collect();
            assert!(unknown.is_empty() && asked.is_empty(), "{unknown:?} {asked:?} of {query}");
        }
    }
    let defined: BTreeSet<_> = metrics.into_keys().collect();
    assert_eq!(shown, defined, "every metric of the example is shown");
}
