//! Resources refer to each other by names that exist, and the instances and labels are the stock ones.

use std::collections::BTreeSet;

use super::*;

fn names(resources: &[Value], kind: &str) -> BTreeSet<String> {
    let of_kind = resources.iter().filter(|resource| resource["kind"] == kind);
    of_kind.map(|resource| resource["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

fn all() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("hosted", metrics(Handler::Hosted)),
        ("grpc", metrics(Handler::Grpc(4711))),
        ("original grpc", metrics(Handler::OriginalGrpc(4711))),
        ("policy", policy()),
        ("rules", rules((0..100).step_by(10))),
    ]
}

#[test]
fn references_lead_to_resources() {
    for (name, resources) in all() {
        let (handlers, instances) = (names(&resources, "handler"), names(&resources, "instance"));
        let rules: Vec<&Value> = resources.iter().filter(|resource| resource["kind"] == "rule").collect();
        assert!(!rules.is_empty(), "{name}");
        for action in rules.iter().flat_map(|rule| rule["spec"]["actions"].as_array().unwrap()) {
            assert!(handlers.contains(action["handler"].as_str().unwrap()), "{name}: {action}");
            for instance in action["instances"].as_array().unwrap() {
                assert!(instances.contains(instance.as_str().unwrap()), "{name}: {action}");
            }
        }
    }
}

#[test]
fn names_are_given_once() {
    for (name, resources) in all() {
        let keys: BTreeSet<String> = resources
            .iter()
            .map(|resource| format!("{}{}", resource["kind"], resource["metadata"]))
            .collect();
        assert_eq!(keys.len(), resources.len(), "{name}");
    }
}

#[test]
fn labels_of_a_metric_are_the_dimensions_of_its_instance() {
    for handler in [Handler::Hosted, Handler::Grpc(4711), Handler::OriginalGrpc(4711)] {
        let resources = metrics(handler);
        let of = |kind: &str, name: &str| {
            let found = resources.iter().find(|r| r["kind"] == kind && r["metadata"]["name"] == name);
            found.unwrap()["spec"]["params"].clone()
        };
        let metrics = of("handler", "prometheus")["metrics"].clone();
        assert_eq!(metrics.as_array().unwrap().len(), 4);
        for metric in metrics.as_array().unwrap() {
            let instance = metric["instance_name"].as_str().unwrap().split('.').next().unwrap().to_owned();
            let dimensions = of("instance", &instance)["dimensions"].clone();
            let keys: BTreeSet<&str> = dimensions.as_object().unwrap().keys().map(String::as_str).collect();
            let labels: BTreeSet<&str> = metric["label_names"]
                .as_array()
                .unwrap()
                .iter()
                .map(|label| label.as_str().unwrap())
                .collect();
            assert_eq!(keys, labels);
            assert_eq!(keys.len(), 19);
        }
    }
}

#[test]
fn a_file_has_one_document_for_each_resource() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    let resources = policy();
    write(&config, &resources).unwrap();
    let text = fs::read_to_string(config.join("bench.yaml")).unwrap();
    let documents: Vec<Value> =
        text.split("\n---\n").map(|document| serde_json::from_str(document).unwrap()).collect();
    assert_eq!(documents, resources);
    assert!(write(&config, &resources).is_err(), "two configurations in one folder");
}
