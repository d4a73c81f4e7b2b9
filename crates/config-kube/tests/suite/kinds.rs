//! Which kinds are read: those that there are, when they come, and what is said while one is missing.

use mixer_config::LegacyKinds;
use serde_json::json;

use crate::world::{Follower, World, object, rule};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

fn legacy(plural: &str, kind: &str) -> serde_json::Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.config.istio.io")},
        "spec": {
            "group": "config.istio.io", "names": {"kind": kind, "plural": plural, "singular": kind},
            "versions": [{"name": "v1alpha2", "served": true, "storage": true}],
        },
    })
}

#[tokio::test]
async fn a_cluster_without_the_kinds_is_told_how_to_get_them() {
    let world = World::empty().await;
    let mut follower = world.follow();
    let update = follower.until("a reason", |update| update.unavailable.is_some()).await;
    let reason = update.unavailable.as_deref().unwrap();
    assert!(
        reason.contains("attributemanifest, template") && reason.contains("mixs crd | kubectl apply"),
        "{reason}"
    );
    world.define().await;
    follower.until_names(&[]).await;
    follower.until("its end", |update| update.unavailable.is_none()).await;
}

#[tokio::test]
async fn kinds_of_adapters_and_templates_are_read_where_they_are() {
    let world = World::sim().await;
    world.create("rule", "r", rule("true")).await.unwrap();
    for (plural, kind) in [("prometheuses", "prometheus"), ("circonuses", "circonus")] {
        world.apply(DEFINITIONS, &legacy(plural, kind)).await;
    }
    let object_of = |kind, name| object(kind, "istio-system", name, json!({}));
    let path =
        |plural: &str, name: &str| format!("{}/namespaces/istio-system/{plural}/{name}", crate::world::ROOT);
    world.play().put(&path("prometheuses", "p"), object_of("prometheus", "p"));
    let mut follower = world.follow();
    follower.until_names(&["prometheus p", "rule r"]).await;
    assert!(world.play().seen(&["/circonuses"]).is_empty(), "nothing can come of a kind that nobody knows");
    // A kind that comes later, with its objects, and goes again.
    world.apply(DEFINITIONS, &legacy("metrics", "metric")).await;
    world.play().put(&path("metrics", "m"), object_of("metric", "m"));
    follower.until_names(&["metric m", "prometheus p", "rule r"]).await;
    world
        .call("DELETE", &format!("{DEFINITIONS}/metrics.config.istio.io"), &serde_json::Value::Null)
        .await
        .unwrap();
    follower.until_names(&["prometheus p", "rule r"]).await;
}

#[tokio::test]
async fn kinds_can_be_switched_off() {
    let world = World::sim().await;
    world.apply(DEFINITIONS, &legacy("prometheuses", "prometheus")).await;
    let mut source = world.source();
    source.legacy = LegacyKinds { adapters: false, templates: true };
    Follower::new(source).until_names(&[]).await;
    assert!(world.play().seen(&["/prometheuses"]).is_empty());
}

#[tokio::test]
async fn a_core_kind_that_goes_leaves_its_last_objects_in_force() {
    let world = World::sim().await;
    world.create("rule", "r", rule("true")).await.unwrap();
    let mut follower = world.follow();
    follower.until_names(&["rule r"]).await;
    world
        .call("DELETE", &format!("{DEFINITIONS}/rules.config.istio.io"), &serde_json::Value::Null)
        .await
        .unwrap();
    let update = follower.until("a reason", |update| update.unavailable.is_some()).await;
    assert!(update.unavailable.as_deref().unwrap().contains("no kind rule"), "{update:?}");
    assert_eq!(follower.names(), ["rule r"]);
}

#[tokio::test]
async fn namespaces_are_asked_one_by_one() {
    let world = World::sim().await;
    for namespace in ["a", "b", "c"] {
        let path = format!("{}/namespaces/{namespace}/rules", crate::world::ROOT);
        world.call("POST", &path, &object("rule", namespace, namespace, rule("true"))).await.unwrap();
    }
    let mut source = world.source();
    source.namespaces = vec!["a".to_owned(), "c".to_owned()];
    Follower::new(source).until_names(&["rule a", "rule c"]).await;
    // A role in these namespaces is enough.
    assert!(world.play().seen(&["GET /apis/config.istio.io/v1alpha2/rules"]).is_empty());
    assert!(world.play().seen(&["GET", "/namespaces/b/"]).is_empty());
}
