//! One replica writes, and another one takes over when it is gone.

use std::time::Duration;

use mixer_config_kube::StatusOptions;
use serde_json::Value;

use crate::world::{PATIENCE, Replica, World, eventually, rule, status_options};

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/istio-system/leases/mixs-status";

async fn holder(world: &World) -> String {
    let lease = world.call("GET", LEASE, &Value::Null).await.unwrap_or_default();
    lease.pointer("/spec/holderIdentity").and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn one_writes_and_the_other_waits() {
    let world = World::sim().await;
    world.create("rule", "a", rule("true")).await.unwrap();
    let one = Replica::start(world.source(), status_options(&world, "one"));
    world.until_condition(("rule", "a"), "Programmed", "False ReferenceNotResolved").await;
    assert_eq!(holder(&world).await, "one");
    let two = Replica::start(world.source(), status_options(&world, "two"));
    let mut state = two.state.clone();
    state.wait_for(|update| update.content.is_some()).await.unwrap();
    world.create("rule", "b", rule("true")).await.unwrap();
    world.until_condition(("rule", "b"), "Programmed", "False ReferenceNotResolved").await;
    assert_eq!(holder(&world).await, "one");
    assert_eq!(world.play().seen(&["PATCH", "/status"]).len(), 2, "one write for each rule");
    // The first one dies; after the time of its lease the other one goes on.
    drop(one);
    world.create("rule", "c", rule("true")).await.unwrap();
    world.until_condition(("rule", "c"), "Programmed", "False ReferenceNotResolved").await;
    assert_eq!(holder(&world).await, "two");
    let lease = world.call("GET", LEASE, &Value::Null).await.unwrap();
    assert_eq!(lease["spec"]["leaseTransitions"], 1);
    assert_eq!(world.play().seen(&["PATCH", "/status"]).len(), 3);
}

#[tokio::test]
async fn a_holder_that_cannot_renew_stops() {
    let world = World::sim().await;
    let one = Replica::start(world.source(), status_options(&world, "one"));
    let two = Replica::start(world.source(), status_options(&world, "two"));
    let leaders = || async {
        let metrics = [&one, &two].map(|replica| {
            let registry = prometheus::Registry::new();
            replica.metrics.register(&registry).unwrap();
            let families = registry.gather();
            let family = families.iter().find(|family| family.name() == "mixer_kube_status_leader").unwrap();
            family.get_metric()[0].get_gauge().get_value()
        });
        metrics.iter().sum::<f64>()
    };
    eventually("a leader", || async { leaders().await == 1.0 }).await;
    world.play().away(true);
    eventually("no leader", || async { leaders().await == 0.0 }).await;
    world.play().away(false);
    eventually("a leader again", || async { leaders().await == 1.0 }).await;
}

#[tokio::test]
async fn a_replica_that_ends_in_order_gives_the_lease_back() {
    let world = World::sim().await;
    // Longer than anybody waits.
    let options = |name: &str| {
        let lease_retry = Duration::from_millis(50);
        StatusOptions { lease_duration: 10 * PATIENCE, lease_retry, ..status_options(&world, name) }
    };
    world.create("rule", "a", rule("true")).await.unwrap();
    let one = Replica::start(world.source(), options("one"));
    world.until_condition(("rule", "a"), "Programmed", "False ReferenceNotResolved").await;
    let two = Replica::start(world.source(), options("two"));
    let mut state = two.state.clone();
    state.wait_for(|update| update.content.is_some()).await.unwrap();
    assert_eq!(holder(&world).await, "one");
    one.end().await;
    let left = world.call("GET", LEASE, &Value::Null).await.unwrap();
    assert!(left["spec"]["holderIdentity"] == "" || left["spec"]["holderIdentity"] == "two", "{left}");
    world.create("rule", "b", rule("true")).await.unwrap();
    world.until_condition(("rule", "b"), "Programmed", "False ReferenceNotResolved").await;
    assert_eq!(holder(&world).await, "two");
    let lease = world.call("GET", LEASE, &Value::Null).await.unwrap();
    assert_eq!(lease["spec"]["leaseTransitions"], 1);
    assert_eq!(lease["spec"]["leaseDurationSeconds"], (10 * PATIENCE).as_secs());
    // Who does not hold it has nothing to give back.
    let three = Replica::start(world.source(), options("three"));
    three.end().await;
    assert_eq!(holder(&world).await, "two");
}
