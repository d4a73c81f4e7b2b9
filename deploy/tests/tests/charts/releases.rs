//! Several releases side by side: in one namespace, in several, with names of any length.

use std::collections::BTreeSet;

use mixer_deploy_tests::render::{Helm, Release, id};
use serde_json::{Value, json};

use crate::chart::{Chart, MIXER, NEWRELIC, helms, merged};

/// Everything that a chart can make.
fn everything(chart: &Chart) -> Value {
    let common = json!({"autoscaling": {"enabled": true}, "serviceMonitor": {"enabled": true}, "persistence": {"enabled": true}});
    let own = if chart.name == MIXER.name {
        json!({"webhook": {"enabled": true}, "config": {"status": {"events": true}}})
    } else {
        json!({
            "dashboard": {"create": true},
            "telemetry": {"attributes": {"a": {"valueType": "STRING"}}, "templates": {"create": true}, "tracing": {"enabled": true}, "errorLog": {"enabled": true}},
        })
    };
    merged(merged(chart.needed(), &common), &own)
}

fn render(helm: &Helm, chart: &Chart, name: &str, namespace: &str, values: &Value) -> Vec<Value> {
    helm.template(&chart.path(), Release { name, namespace }, &merged(everything(chart), values)).unwrap()
}

fn ids(documents: &[Value]) -> BTreeSet<String> {
    let ids: BTreeSet<String> = documents.iter().map(id).collect();
    assert_eq!(ids.len(), documents.len(), "two objects of one name: {ids:?}");
    ids
}

#[test]
fn releases_do_not_meet() {
    let Some([_, helm]) = helms() else { return };
    let none = json!({});
    // Beside each other in one namespace, and one name in two.
    let servers = [("m", "mesh"), ("n", "mesh"), ("m", "edge"), ("mixs", "mesh")];
    let servers = servers.map(|(name, namespace)| render(&helm, &MIXER, name, namespace, &none));
    // Their configuration stands in one namespace, or in a namespace for each.
    let adapters = [
        ("nr", "mesh", none.clone()),
        ("eu", "mesh", json!({"istioResources": {"namePrefix": "eu-"}})),
        ("nr", "edge", json!({"istioNamespace": "edge"})),
    ];
    let adapters =
        adapters.map(|(name, namespace, values)| render(&helm, &NEWRELIC, name, namespace, &values));
    let mut all = BTreeSet::new();
    let mut selectors = BTreeSet::new();
    for documents in servers.iter().chain(&adapters) {
        for id in ids(documents) {
            assert!(all.insert(id.clone()), "{id} is of two releases");
        }
        let set = documents.iter().find(|document| document["kind"] == "StatefulSet").unwrap();
        let place = (set["metadata"]["namespace"].to_string(), set["spec"]["selector"].to_string());
        assert!(selectors.insert(place.clone()), "{place:?}");
    }
    let of_cluster: Vec<&String> = all.iter().filter(|id| id.contains("//")).collect();
    // Role, binding (both twice) and webhook of each server.
    assert_eq!(of_cluster.len(), 5 * servers.len(), "{of_cluster:?}");
}

/// Names, and the texts of labels, as Kubernetes takes them.
fn check_names(value: &Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let limit = match key.as_str() {
                    "labels" | "matchLabels" => {
                        for text in inner.as_object().into_iter().flat_map(|labels| labels.values()) {
                            assert!(text.as_str().unwrap().len() <= 63, "{text}");
                        }
                        continue;
                    }
                    "name" | "serviceName" | "serviceAccountName" | "secretName" => 63,
                    _ => 1 << 20,
                };
                let text = inner.as_str().unwrap_or_default();
                assert!(text.len() <= limit && !text.ends_with('-'), "{key}: {text}");
                check_names(inner);
            }
        }
        Value::Array(items) => items.iter().for_each(check_names),
        _ => {}
    }
}

#[test]
fn long_names_are_cut() {
    let Some([_, helm]) = helms() else { return };
    // As long as Helm lets a name be.
    let name = "a-very-long-name-of-a-release-that-somebody-thought-of";
    for length in [53, 51, 49, 42, 36, 30] {
        for chart in [MIXER, NEWRELIC] {
            let documents = render(&helm, &chart, name[..length].trim_end_matches('-'), "mesh", &json!({}));
            ids(&documents);
            for document in documents {
                // What belongs to no namespace may have longer names.
                let cluster = document["metadata"]["namespace"].is_null();
                let kind = document["kind"].as_str().unwrap();
                if !cluster && !kind.starts_with("Role") {
                    check_names(&document);
                }
            }
        }
    }
}
