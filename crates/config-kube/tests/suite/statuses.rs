//! Status: written when it changes, merged with what others wrote, and an Event where there is none.

use std::time::{Duration, Instant};

use mixer_config_kube::DEFINITIONS;
use mixer_kube_sim::{Fault, When};
use serde_json::{Value, json};

use crate::world::{Replica, World, condition, eventually, rule, status_options};

async fn start(world: &World) -> Replica {
    Replica::start(world.source(), status_options(world, "one"))
}

fn patches(world: &World) -> usize {
    world.play().seen(&["PATCH", "/status"]).len()
}

#[tokio::test]
async fn it_is_written_once_and_not_again() {
    let world = World::sim().await;
    world.create("rule", "a", rule("true")).await.unwrap();
    let replica = start(&world).await;
    world.until_condition(("rule", "a"), "Programmed", "False ReferenceNotResolved").await;
    world.create("rule", "b", rule("true")).await.unwrap();
    world.until_condition(("rule", "b"), "Programmed", "False ReferenceNotResolved").await;
    assert_eq!(patches(&world), 2, "one for each rule");
    drop(replica);
    // Another one finds everything said.
    let _replica = Replica::start(world.source(), status_options(&world, "two"));
    world.create("rule", "c", rule("true")).await.unwrap();
    world.until_condition(("rule", "c"), "Programmed", "False ReferenceNotResolved").await;
    assert_eq!(patches(&world), 3);
}

#[tokio::test]
async fn conflicts_are_solved_and_others_conditions_stay() {
    let world = World::sim().await;
    world.create("rule", "a", rule("true")).await.unwrap();
    let theirs = json!({"status": {"conditions": [{"type": "Audited", "status": "True", "reason": "Theirs"}], "more": 1}});
    world.call("PATCH", &format!("{}/status", world.path("rule", "a")), &theirs).await.unwrap();
    for _ in 0..2 {
        world.play().fault(When::line(&["PATCH", "/rules/a/status"]), Fault::Meddle);
    }
    let replica = start(&world).await;
    let object = world.until_condition(("rule", "a"), "Resolved", "False ReferenceNotResolved").await;
    assert_eq!(condition(&object, "Audited"), "True Theirs");
    assert_eq!(object["status"]["more"], 1);
    // A write may meet what the replica has not seen yet; then it finds that everything is said.
    assert_eq!(replica.writes("written"), 1, "one that takes effect");
    assert!(replica.writes("conflict") >= 2, "{} conflicts", replica.writes("conflict"));
    drop(replica);
}

/// After each of these on a write, the status comes all the same.
async fn check_survived(fault: Fault) {
    let world = World::sim().await;
    world.create("rule", "a", rule("true")).await.unwrap();
    world.play().fault(When::line(&["PATCH", "/rules/a/status"]), fault);
    let _replica = start(&world).await;
    world.until_condition(("rule", "a"), "Programmed", "False ReferenceNotResolved").await;
    assert_eq!(world.play().faults_left(), 0);
}

#[tokio::test]
async fn a_write_that_fails_is_tried_again() {
    check_survived(Fault::Status(500, None)).await;
    check_survived(Fault::Status(403, None)).await;
    check_survived(Fault::Status(429, Some(1))).await;
    check_survived(Fault::Body("nonsense".into())).await;
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_told_so() {
    let world = World::sim().await;
    world.create("rule", "a", json!("text")).await.unwrap();
    let _replica = start(&world).await;
    let object = world.until_condition(("rule", "a"), "Accepted", "False Invalid").await;
    let message = object.pointer("/status/conditions/0/message").and_then(Value::as_str).unwrap();
    assert!(message.starts_with("spec"), "{message}");
}

#[tokio::test]
async fn writes_keep_to_their_rate() {
    let world = World::sim().await;
    for number in 0..12 {
        world.create("rule", &format!("r{number}"), rule("true")).await.unwrap();
    }
    let mut options = status_options(&world, "one");
    (options.rate, options.burst) = (5.0, 2);
    let started = Instant::now();
    let _replica = Replica::start(world.source(), options);
    eventually("all of them", || async { patches(&world) == 12 }).await;
    assert!(started.elapsed() >= Duration::from_millis(1900), "{:?}", started.elapsed());
}

#[tokio::test]
async fn kinds_without_a_status_get_events() {
    let world = World::empty().await;
    for (_, text) in DEFINITIONS {
        let mut definition: Value = serde_saphyr::from_str(text).unwrap();
        // As Istio 1.7 and older had it.
        definition["spec"]["versions"][0].as_object_mut().unwrap().remove("subresources");
        world.apply("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await;
    }
    world.create("rule", "a", rule("nonsense (")).await.unwrap();
    world.create("instance", "i", json!({"compiledTemplate": "checknothing"})).await.unwrap();
    let _replica = start(&world).await;
    let events = || async {
        let list = world
            .call("GET", "/api/v1/namespaces/istio-system/events?limit=500", &Value::Null)
            .await
            .unwrap();
        list["items"].as_array().unwrap().clone()
    };
    eventually("an event", || async { !events().await.is_empty() }).await;
    let first = events().await[0].clone();
    assert_eq!(first["involvedObject"]["name"], "a");
    assert_eq!((&first["type"], &first["reason"]), (&json!("Warning"), &json!("Invalid")));
    assert!(first["message"].as_str().unwrap().contains("spec.match"), "{first}");
    // Mended: one more that says so. What was in order all the time says nothing.
    world.create("handler", "h", json!({"compiledAdapter": "denier"})).await.unwrap();
    world.edit("rule", "a", rule("true")).await.unwrap();
    eventually("its end", || async { events().await.iter().any(|event| event["reason"] == "InForce") }).await;
    assert_eq!(patches(&world), 0);
    assert!(events().await.iter().all(|event| event["involvedObject"]["name"] != "h"));
}
