//! Watches: changes, bookmarks, ends of every sort, and that nothing is lost by any of them.

use std::time::Duration;

use mixer_kube_sim::{Fault, When};
use serde_json::json;

use crate::world::{Follower, World, eventually, object, rule};

#[tokio::test]
async fn changes_are_followed() {
    let world = World::sim().await;
    let mut follower = world.follow();
    follower.until_names(&[]).await;
    world.create("rule", "a", rule("true")).await.unwrap();
    follower.until_names(&["rule a"]).await;
    world.create("handler", "h", json!({"compiledAdapter": "noop"})).await.unwrap();
    follower.until_names(&["handler h", "rule a"]).await;
    world.edit("rule", "a", rule("false")).await.unwrap();
    let is_false = |update: &mixer_config_kube::Update| {
        let resources = &update.content.as_ref().unwrap().resources;
        resources
            .iter()
            .any(|resource| resource.spec.get("match").and_then(|node| node.as_str()) == Some("false"))
    };
    follower.until("the edit", is_false).await;
    world.delete("rule", "a").await;
    follower.until_names(&["handler h"]).await;
    // All of it came through watches.
    assert_eq!(follower.count("mixer_kube_lists_total", &[]), 6.0);
}

#[tokio::test]
async fn a_status_is_no_change_of_configuration() {
    let world = World::sim().await;
    world.create("rule", "a", rule("true")).await.unwrap();
    let mut follower = world.follow();
    let before = follower.until_names(&["rule a"]).await;
    let status = json!({"status": {"conditions": [{"type": "X", "status": "True"}]}});
    world.call("PATCH", &format!("{}/status", world.path("rule", "a")), &status).await.unwrap();
    follower
        .until_count("mixer_kube_watch_events_total", &[("kind", "rule"), ("type", "MODIFIED")], 1.0)
        .await;
    world.create("rule", "b", rule("true")).await.unwrap();
    let after = follower.until_names(&["rule a", "rule b"]).await;
    assert_eq!(before.resources[0], after.resources[0]);
}

#[tokio::test]
async fn a_watch_goes_on_from_a_bookmark() {
    let world = World::sim().await;
    let mut follower = world.follow();
    follower.until_names(&[]).await;
    eventually("the watch", || async { !world.play().seen(&["/rules?watch=true"]).is_empty() }).await;
    // Versions go by that no rule has.
    for name in ["a", "b", "c"] {
        world.create("handler", name, json!({})).await.unwrap();
    }
    follower.until_names(&["handler a", "handler b", "handler c"]).await;
    world.play().bookmark();
    follower
        .until_count("mixer_kube_watch_events_total", &[("kind", "rule"), ("type", "BOOKMARK")], 1.0)
        .await;
    let version = world.play().version();
    world.play().cut();
    let line = format!("resourceVersion={version}");
    eventually("a watch from there", || async {
        !world.play().seen(&["/rules?watch=true", &line]).is_empty()
    })
    .await;
    assert_eq!(follower.count("mixer_kube_lists_total", &[("kind", "rule")]), 1.0);
}

/// After each of these on a watch, a new rule is seen; `lists` is how often rules were listed by then.
async fn check_survived(fault: Fault, lists: f64, reason: &str) {
    let world = World::sim().await;
    world.create("rule", "a", rule("true")).await.unwrap();
    world.play().fault(When::watch("rules"), fault);
    let mut source = world.source();
    source.timing.watch = Duration::from_secs(1);
    let mut follower = Follower::new(source);
    follower.until_names(&["rule a"]).await;
    eventually("a second watch", || async { world.play().seen(&["/rules?watch=true"]).len() > 1 }).await;
    world.create("rule", "b", rule("true")).await.unwrap();
    follower.until_names(&["rule a", "rule b"]).await;
    assert_eq!(world.play().faults_left(), 0);
    assert_eq!(follower.count("mixer_kube_lists_total", &[("kind", "rule")]), lists, "{reason}");
    if !reason.is_empty() {
        let count = follower.count("mixer_kube_failures_total", &[("kind", "rule"), ("reason", reason)]);
        assert_eq!(count, 1.0, "{reason}");
    }
}

fn event(what: &str, object: &serde_json::Value) -> Vec<String> {
    vec![json!({"type": what, "object": object}).to_string()]
}

#[tokio::test]
async fn watches_that_end_go_on() {
    check_survived(Fault::Lines(Vec::new()), 1.0, "").await;
    check_survived(Fault::Break(Vec::new()), 1.0, "unreachable").await;
    check_survived(Fault::Status(500, None), 1.0, "server_error").await;
    check_survived(Fault::Status(429, Some(1)), 1.0, "too_many_requests").await;
    let busy = event("ERROR", &json!({"kind": "Status", "code": 500, "message": "etcd has no leader"}));
    check_survived(Fault::Lines(busy), 1.0, "server_error").await;
}

#[tokio::test]
async fn a_version_that_the_cluster_never_had_is_given_up() {
    let world = World::sim().await;
    world.create("rule", "a", rule("true")).await.unwrap();
    for _ in 0..5 {
        world.play().fault(When::watch("rules"), Fault::Status(504, None));
    }
    let mut follower = world.follow();
    follower.until_names(&["rule a"]).await;
    follower.until_count("mixer_kube_lists_total", &[("kind", "rule")], 2.0).await;
    world.create("rule", "b", rule("true")).await.unwrap();
    follower.until_names(&["rule a", "rule b"]).await;
}

#[tokio::test]
async fn a_connection_that_died_in_silence_is_noticed() {
    check_survived(Fault::Silence(Vec::new()), 1.0, "unreachable").await;
}

#[tokio::test]
async fn a_history_that_is_gone_is_listed_anew() {
    check_survived(Fault::Status(410, None), 2.0, "gone").await;
    let gone = event("ERROR", &json!({"kind": "Status", "code": 410, "message": "too old resource version"}));
    check_survived(Fault::Lines(gone), 2.0, "gone").await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_made_up_for_by_a_list() {
    check_survived(Fault::Lines(vec!["{\"type\": \"ADD".to_owned()]), 2.0, "malformed").await;
    check_survived(Fault::Lines(vec!["[]".to_owned()]), 2.0, "malformed").await;
    check_survived(
        Fault::Lines(event("ADDED", &json!({"metadata": {"resourceVersion": "9"}}))),
        2.0,
        "malformed",
    )
    .await;
    check_survived(Fault::Lines(event("ADDED", &object("rule", "n", "x", rule("")))), 2.0, "malformed").await;
    check_survived(
        Fault::Lines(event("RENAMED", &json!({"metadata": {"resourceVersion": "9"}}))),
        2.0,
        "malformed",
    )
    .await;
}

#[tokio::test]
async fn what_happened_while_nobody_watched_is_seen() {
    let world = World::sim().await;
    for name in ["a", "b"] {
        world.create("rule", name, rule("true")).await.unwrap();
    }
    let mut follower = world.follow();
    follower.until_names(&["rule a", "rule b"]).await;
    world.play().away(true);
    follower.until("the outage", |update| update.unavailable.is_some()).await;
    // Behind its back: one goes, one comes, and the history is forgotten.
    world.play().put(&world.path("rule", "c"), object("rule", &world.namespace, "c", rule("true")));
    world.play().compact();
    world.play().away(false);
    follower.until_names(&["rule a", "rule b", "rule c"]).await;
    world.delete("rule", "a").await;
    follower.until_names(&["rule b", "rule c"]).await;
    follower.until("its end", |update| update.unavailable.is_none()).await;
}

#[tokio::test]
async fn a_server_that_closes_every_watch_at_once_is_not_flooded() {
    let world = World::sim().await;
    for _ in 0..2000 {
        world.play().fault(When::watch("rules"), Fault::Lines(Vec::new()));
    }
    let mut source = world.source();
    source.timing.shortest_pause = Duration::from_millis(200);
    source.timing.longest_pause = Duration::from_millis(400);
    let mut follower = Follower::new(source);
    follower.until_names(&[]).await;
    eventually("ten watches", || async { world.play().seen(&["/rules?watch=true"]).len() >= 10 }).await;
    let seen = world.play().seen(&["/rules?watch=true"]);
    let took = seen[9].at.duration_since(seen[0].at);
    assert!(took >= Duration::from_millis(900), "ten watches in {took:?}");
}
