//! Objects that are configuration, objects that are not, and what is said of the latter.

use serde_json::json;

use super::*;

fn read_rule(value: Value) -> Object {
    let (namespace, name) = key(&value).unwrap_or_default();
    read(&"rule".into(), (&namespace, &name), value)
}

#[test]
fn an_object_is_a_resource_without_its_status() {
    let object = read_rule(json!({
        "metadata": {
            "name": "a", "namespace": "n", "uid": "u", "resourceVersion": "7", "generation": 3,
            "annotations": {"policy.istio.io/lang": "CEXL"},
        },
        "spec": {"match": "true", "n": [1, 18_446_744_073_709_551_615_u64, 1.5, null, false]},
        "status": {"conditions": [
            {"type": "Accepted", "status": "True", "reason": "Valid", "message": "", "lastTransitionTime": "t", "observedGeneration": 3},
            {"type": 5},
        ]},
    }));
    assert_eq!(object.problems, []);
    let resource = object.resource.unwrap();
    assert_eq!(resource.id.key(), "a.rule.n");
    assert_eq!(&**resource.file(), "rule/n/a");
    assert_eq!(resource.annotations["policy.istio.io/lang"], "CEXL");
    let NodeValue::List(items) = &resource.spec.get("n").unwrap().value else { panic!("no list") };
    let values: Vec<_> = items.iter().map(|node| node.value.clone()).collect();
    let expected = [
        NodeValue::Int(1),
        NodeValue::UInt(u64::MAX),
        NodeValue::Float(1.5),
        NodeValue::Null,
        NodeValue::Bool(false),
    ];
    assert_eq!(values, expected);
    assert_eq!((object.version.generation, &*object.version.resource_version), (3, "7"));
    assert_eq!(object.version.conditions.len(), 1);
}

/// No resource, and a problem with these words that names the object.
fn check_refused(value: Value, words: &[&str]) {
    let object = read_rule(value);
    assert!(object.resource.is_none(), "{object:?}");
    let text = object.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
}

#[test]
fn what_is_no_resource_is_named() {
    let mut deep = json!(1);
    for _ in 0..70 {
        deep = json!([deep]);
    }
    check_refused(
        json!({"metadata": {"name": "a", "namespace": "n"}, "spec": deep}),
        &["rule n/a", "64 times"],
    );
    check_refused(json!({"metadata": {"name": "a"}}), &["metadata.namespace", "rule"]);
    check_refused(json!(17), &["no resource"]);
    check_refused(json!({"metadata": "nothing"}), &["metadata.name is missing"]);
}
