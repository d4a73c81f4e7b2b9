//! An API server that is away: the last good configuration stays, and it is said why.

use crate::world::{World, rule};

#[tokio::test]
async fn the_last_good_configuration_stays() {
    let world = World::sim().await;
    world.create("rule", "a", rule("true")).await.unwrap();
    let mut follower = world.follow();
    let before = follower.until_names(&["rule a"]).await;
    world.play().away(true);
    let update = follower.until("the outage", |update| update.unavailable.is_some()).await;
    let reason = update.unavailable.clone().unwrap();
    assert!(reason.contains("cannot be asked"), "{reason}");
    assert_eq!(update.content.as_deref(), Some(&*before));
    world.play().away(false);
    follower.until("its end", |update| update.unavailable.is_none()).await;
    assert_eq!(follower.names(), ["rule a"]);
}

#[tokio::test]
async fn without_a_first_list_there_is_nothing_but_a_reason() {
    let world = World::sim().await;
    world.create("rule", "a", rule("true")).await.unwrap();
    world.play().away(true);
    let mut follower = world.follow();
    let update = follower.until("the outage", |update| update.unavailable.is_some()).await;
    assert_eq!(update.content, None);
    world.play().away(false);
    follower.until_names(&["rule a"]).await;
}

#[tokio::test]
async fn what_may_not_be_read_is_named_with_what_to_do() {
    use mixer_kube_sim::{Fault, When};
    let world = World::sim().await;
    for _ in 0..1000 {
        world.play().fault(When::list("rules"), Fault::Status(403, None));
    }
    let mut follower = world.follow();
    let update = follower.until("a reason", |update| update.unavailable.is_some()).await;
    let reason = update.unavailable.as_deref().unwrap();
    assert!(
        reason.starts_with("rules: ") && reason.contains("403") && reason.contains("docs/kubernetes.md"),
        "{reason}"
    );
    assert_eq!(update.content, None, "half of a configuration is none");
}
