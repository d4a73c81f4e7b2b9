//! Changes of configuration: what is kept, built, closed, and when.

use std::sync::Arc;
use std::time::Duration;

use mixer_dispatch::EngineOptions;
use mixer_testkit::Event;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::support::{World, bag_of};

fn config(name: &str, extra: &str) -> String {
    format!(
        "handler istio-system/{name} {{compiledAdapter: recording{extra}}}
         instance istio-system/n {{compiledTemplate: checknothing}}
         rule istio-system/r {{actions: [{{handler: {name}, instances: [n]}}]}}\n"
    )
}

fn built(handler: &str) -> Event {
    Event::Built { handler: handler.to_owned() }
}

fn closed(handler: &str) -> Event {
    Event::Closed { handler: handler.to_owned() }
}

/// Lets background work run until nothing is left to do but wait.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn an_equal_handler_is_kept() {
    let world = World::new(&config("a", "")).await;
    assert_eq!(world.recorder.take(), [built("a.istio-system")]);
    let unrelated = "rule istio-system/s {match: source.user == \"x\", requestHeaderOperations: [{name: a, operation: REMOVE}]}";
    // What failures mean is no reason to build anew.
    for change in [config("a", ""), config("a", "") + unrelated, config("a", ", failurePolicy: Ignore")] {
        let report = world.apply(&change).await;
        assert_eq!((report.built, report.reused, report.closing), (0, 1, 0));
        settle().await;
        assert_eq!(world.recorder.take(), []);
    }
    world.recorder.script("a.istio-system", |script| script.panic = true);
    assert!(world.check("").await.is_ok(), "the new policy counts");
    assert_eq!(world.metric("mixer_handler_reused_handlers_total", &[]), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_changed_handler_is_built_before_the_old_one_is_closed() {
    let world = World::new(&config("a", "")).await;
    // Another instance is sent to it.
    let changed =
        config("a", "").replace("[n]", "[n, m]") + "instance istio-system/m {compiledTemplate: checknothing}";
    let report = world.apply(&changed).await;
    assert_eq!((report.built, report.reused, report.closing), (1, 0, 1));
    settle().await;
    let name = "a.istio-system";
    assert_eq!(world.recorder.take(), [built(name), built(name), closed(name)]);
    assert_eq!(world.metric("mixer_handler_new_handlers_total", &[]), 1.0);
    assert_eq!(world.metric("mixer_handler_closed_handlers_total", &[]), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_closed_when_its_last_request_is_done() {
    let world = World::new(&config("a", "")).await;
    let gate = Arc::new(Notify::new());
    world.recorder.script("a.istio-system", |script| script.gate = Some(gate.clone()));
    let runtime = world.engine.current();
    let request = tokio::spawn(async move {
        let mut bag = bag_of(&runtime, "");
        runtime.check(&mut bag, &[], "", None).await.map(|outcome| outcome.status.is_ok())
    });
    settle().await;
    let start = Instant::now();
    world.apply(&config("b", "")).await;
    assert!(start.elapsed() < Duration::from_millis(1), "nobody waits for the old one");
    world.recorder.take();
    settle().await;
    assert_eq!(world.recorder.take(), [], "a request uses it");
    gate.notify_one();
    assert!(request.await.unwrap().unwrap(), "it got its answer");
    settle().await;
    assert_eq!(world.recorder.take(), [closed("a.istio-system")]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_does_not_keep_a_handler() {
    let world =
        World::with(EngineOptions { close_timeout: Duration::from_secs(7), ..EngineOptions::default() });
    world.apply(&config("a", "")).await;
    let held = world.engine.current();
    world.apply(&config("b", "")).await;
    world.recorder.take();
    tokio::time::sleep(Duration::from_millis(6_990)).await;
    assert_eq!(world.recorder.take(), []);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(world.recorder.take(), [closed("a.istio-system")]);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_failed_build_leaves_the_last_good_handler_serving() {
    let world = World::new(&config("a", "")).await;
    let changed =
        config("a", "").replace("[n]", "[n, m]") + "instance istio-system/m {compiledTemplate: checknothing}";
    world.recorder.script("a.istio-system", |script| script.build = Some("the port is taken".to_owned()));
    let report = world.apply(&changed).await;
    assert_eq!((report.built, report.closing), (0, 0));
    assert!(report.failures[0].earlier_serves);
    assert_eq!(world.metric("mixer_handler_handler_build_failures_total", &[]), 1.0);
    assert!(world.check("").await.unwrap().status.is_ok());
    // Configuration that is broken already is the same.
    let broken = config("a", ", params: 5") + "problem params";
    let report = world.apply(&broken).await;
    assert!(report.failures[0].earlier_serves, "{report:?}");
    assert!(world.check("").await.unwrap().status.is_ok());
    // Back to what serves: nothing is built.
    let report = world.apply(&config("a", "")).await;
    assert_eq!((report.built, report.reused, report.failures.len()), (0, 1, 0));
    world.recorder.script("a.istio-system", |script| script.build = None);
    let report = world.apply(&changed).await;
    assert_eq!((report.built, report.closing), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_uses_one_runtime_from_start_to_end() {
    let world = World::new(&config("a", "")).await;
    let runtime = world.engine.current();
    let mut bag = bag_of(&runtime, "");
    world.apply(&config("b", "")).await;
    assert!(runtime.check(&mut bag, &[], "", None).await.is_ok());
    assert_eq!(world.calls(), ["check a.istio-system n.instance.istio-system="]);
    let (name, reason) =
        world.engine.current().handlers().map(|(n, r)| (n.to_owned(), r.map(str::to_owned))).next().unwrap();
    assert_eq!((name.as_str(), reason), ("b.istio-system", None));
}

#[tokio::test(start_paused = true)]
async fn shutdown_closes_all_and_names_who_is_late() {
    let both =
        config("a", "") + &config("b", "").replace("/r ", "/s ").replace("/n ", "/m ").replace("[n]", "[m]");
    let world = World::new(&both).await;
    world.recorder.script("b.istio-system", |script| script.hang_on_close = true);
    world.recorder.take();
    let start = Instant::now();
    let late = world.engine.shutdown(start.into_std() + Duration::from_secs(3)).await;
    assert_eq!(late, ["b.istio-system"]);
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    assert_eq!(world.recorder.take(), [closed("a.istio-system")]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_those_on_their_way_out() {
    let world = World::new(&config("a", "")).await;
    let held = world.engine.current();
    world.apply(&config("b", "")).await;
    let late = world.engine.shutdown(Instant::now().into_std() + Duration::from_secs(3)).await;
    assert_eq!(late, ["a.istio-system"], "a request still uses it");
    drop(held);
}
