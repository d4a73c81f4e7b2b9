//! What is made of an API server's list of kinds.

use serde_json::json;

use super::*;

fn wanted() -> Wanted {
    Wanted { registry: Registry::new(Vec::new()), legacy: LegacyKinds::default() }
}

fn resource(plural: &str, kind: &str, verbs: &[&str]) -> Value {
    json!({"name": plural, "kind": kind, "namespaced": true, "verbs": verbs})
}

#[test]
fn kinds_with_and_without_status() {
    let all = ["list", "watch", "get"];
    let list = json!({"resources": [
        resource("rules", "rule", &all),
        resource("rules/status", "rule", &["get", "patch", "update"]),
        resource("handlers", "handler", &all),
        resource("metrics", "metric", &all),
        resource("QuotaSpecs", "QuotaSpec", &all),
        resource("circonuses", "circonus", &all),
        resource("instances", "instance", &["get"]),
        {"name": 5},
    ]});
    let found = read(&list, &wanted());
    let kinds: Vec<_> =
        found.kinds.iter().map(|kind| (&*kind.plural, kind.has_status, kind.is_core)).collect();
    assert_eq!(kinds, [("handlers", false, true), ("metrics", false, false), ("rules", true, true)]);
    assert_eq!(found.missing, ["attributemanifest", "template", "adapter", "instance"]);
    assert_eq!(found.ignored, ["QuotaSpec", "circonus", "instance"]);
}

#[test]
fn kinds_that_are_switched_off() {
    let list = json!({"resources": [resource("metrics", "metric", &["list", "watch"])]});
    let off = Wanted { legacy: LegacyKinds { adapters: true, templates: false }, ..wanted() };
    assert_eq!(read(&list, &off).kinds, []);
    assert_eq!(read(&list, &wanted()).kinds.len(), 1);
}
