//! Lists: pages, and what can happen between two of them.

use mixer_kube_sim::{Fault, When};

use crate::world::{World, rule};

#[tokio::test]
async fn objects_come_in_pages() {
    let world = World::sim().await;
    for number in 0..7 {
        world.create("rule", &format!("r{number}"), rule("true")).await.unwrap();
    }
    world.play().page(3);
    let mut follower = world.follow();
    follower
        .until_names(&["rule r0", "rule r1", "rule r2", "rule r3", "rule r4", "rule r5", "rule r6"])
        .await;
    assert_eq!(world.play().seen(&["GET", "/rules?limit", "continue="]).len(), 2);
    assert_eq!(follower.count("mixer_kube_objects", &[("kind", "rule")]), 7.0);
}

#[tokio::test]
async fn a_list_whose_history_goes_starts_anew() {
    let world = World::sim().await;
    for name in ["a", "b", "c"] {
        world.create("rule", name, rule("true")).await.unwrap();
    }
    world.play().page(2);
    world.play().fault(When::line(&["/rules?", "continue="]), Fault::Status(410, None));
    let mut follower = world.follow();
    follower.until_names(&["rule a", "rule b", "rule c"]).await;
    assert_eq!(follower.count("mixer_kube_failures_total", &[("kind", "rule"), ("reason", "gone")]), 1.0);
}

/// Each of these before the first list; the configuration comes all the same, and the failure is counted.
async fn check_survived(fault: Fault, reason: &str) {
    let world = World::sim().await;
    world.create("rule", "a", rule("true")).await.unwrap();
    world.play().fault(When::list("rules"), fault);
    let mut follower = world.follow();
    follower.until_names(&["rule a"]).await;
    assert_eq!(world.play().faults_left(), 0);
    assert_eq!(
        follower.count("mixer_kube_failures_total", &[("kind", "rule"), ("reason", reason)]),
        1.0,
        "{reason}"
    );
    follower.until("its end", |update| update.unavailable.is_none()).await;
}

#[tokio::test]
async fn a_list_that_fails_is_tried_again() {
    check_survived(Fault::Status(500, None), "server_error").await;
    check_survived(Fault::Status(503, None), "server_error").await;
    check_survived(Fault::Status(401, None), "forbidden").await;
    check_survived(Fault::Body("<html>".into()), "malformed").await;
    check_survived(Fault::Body("{\"items\": []}".into()), "malformed").await;
    check_survived(Fault::Body("{\"items\": 5, \"metadata\": {}}".into()), "malformed").await;
}

#[tokio::test]
async fn an_answer_that_never_comes_is_not_waited_for() {
    let world = World::sim().await;
    world.create("rule", "a", rule("true")).await.unwrap();
    world.play().fault(When::list("rules"), Fault::Hang);
    let mut source = world.source();
    source.timing.answer = std::time::Duration::from_secs(1);
    let mut follower = crate::world::Follower::new(source);
    follower.until_names(&["rule a"]).await;
    let failures =
        follower.count("mixer_kube_failures_total", &[("kind", "rule"), ("reason", "unreachable")]);
    assert!(failures >= 1.0 && world.play().faults_left() == 0, "{failures} failures");
}

#[tokio::test]
async fn an_api_server_that_asks_for_peace_gets_it() {
    let world = World::sim().await;
    world.create("rule", "a", rule("true")).await.unwrap();
    world.play().fault(When::list("rules"), Fault::Status(429, Some(2)));
    let mut follower = world.follow();
    follower.until_names(&["rule a"]).await;
    let lists = world.play().seen(&["GET", "/rules?limit"]);
    let pause = lists[1].at.duration_since(lists[0].at);
    assert!(pause >= std::time::Duration::from_secs(2), "{pause:?}");
}
