//! Reports: grouping, splitting, and what one bad part does to the others.

use std::time::Duration;

use mixer_adapter_api::{Dropped, ErrorKind, HandlerError, ReportOutcome};
use mixer_dispatch::{DroppedInstances, EngineOptions};
use tokio::time::Instant;

use crate::support::{World, bag_of};

const CONFIG: &str = "
    handler istio-system/prom {compiledAdapter: recording}
    handler istio-system/log {compiledAdapter: recording}
    instance istio-system/count {compiledTemplate: metric, params: {value: '1', dimensions: {path: request.path | \"\"}}}
    instance istio-system/size {compiledTemplate: metric, params: {value: request.size, dimensions: {path: request.path | \"\"}}}
    instance istio-system/line {compiledTemplate: logentry, params: {severity: '\"info\"', variables: {path: request.path | \"\"}}}
    rule istio-system/a {actions: [{handler: prom, instances: [count, size]}]}
    rule istio-system/b {match: request.path != \"/health\", actions: [{handler: log, instances: [line]}, {handler: log, instances: [count]}]}
";

#[tokio::test]
async fn one_call_for_each_handler_and_template() {
    let world = World::new(CONFIG).await;
    let summary = world
        .report(&[
            "request.path=/a request.size=10",
            "request.path=/health request.size=20",
            "request.path=/b request.size=30",
        ])
        .await;
    assert_eq!((summary.bags, summary.dispatched, summary.errors), (3, 10, 0));
    assert!(summary.failed.is_empty() && summary.dropped.is_empty() && !summary.nothing_dispatched());
    let calls: Vec<_> = world
        .recorder
        .take_calls()
        .into_iter()
        .map(|call| (call.handler.clone(), call.template.clone(), call.texts()))
        .collect();
    let of = |handler: &str, template: &str| {
        let found: Vec<_> = calls.iter().filter(|call| call.0 == handler && call.1 == template).collect();
        assert_eq!(found.len(), 1);
        found[0].2.clone()
    };
    assert_eq!(calls.len(), 3);
    assert_eq!(of("prom.istio-system", "metric"), ["1", "10", "1", "20", "1", "30"]);
    assert_eq!(of("log.istio-system", "metric"), ["1", "1"]);
    assert_eq!(of("log.istio-system", "logentry").len(), 2);
}

#[tokio::test]
async fn the_reporter_is_good_for_the_next_report() {
    let world = World::new(CONFIG).await;
    for path in ["/a", "/health", "/b"] {
        world.report(&[&format!("request.path={path} request.size=1")]).await;
        let calls = world.recorder.take_calls();
        assert_eq!(calls.len(), if path == "/health" { 1 } else { 3 }, "{path}");
        assert!(
            calls
                .iter()
                .all(|call| call.instances.len() == if call.handler.starts_with("prom") { 2 } else { 1 })
        );
    }
    // One that is given up leaves nothing behind.
    let runtime = world.engine.current();
    let mut reporter = runtime.reporter();
    reporter.add(&mut bag_of(&runtime, "request.path=/x request.size=1")).await;
    drop(reporter);
    assert_eq!(world.report(&["request.path=/health request.size=1"]).await.dispatched, 2);
}

#[tokio::test]
async fn one_bad_instance_leaves_the_others_alone() {
    let world = World::new(CONFIG).await;
    let runtime = world.engine.current();
    let mut reporter = runtime.reporter();
    let bad = reporter.add(&mut bag_of(&runtime, "request.path=/a")).await;
    assert_eq!((bad.instances, bad.errors, bad.dropped), (3, 1, false));
    let good = reporter.add(&mut bag_of(&runtime, "request.path=/a request.size=1")).await;
    assert_eq!((good.instances, good.errors), (4, 0));
    let summary = reporter.flush(None).await;
    assert_eq!((summary.dispatched, summary.errors), (7, 1));
    assert!(summary.error_texts[0].contains("size.instance.istio-system"), "{:?}", summary.error_texts);
    assert!(!summary.nothing_dispatched());
    let labels = [("instance", "size.instance.istio-system"), ("reason", "absent")];
    assert_eq!(world.metric("mixer_dispatcher_instance_errors_total", &labels), 1.0);
}

#[tokio::test]
async fn a_large_report_is_split() {
    let world = World::with(EngineOptions { max_batch_bytes: 1000, ..EngineOptions::default() });
    world.apply(CONFIG).await;
    let bag = format!("request.path=/{} request.size=1", "x".repeat(100));
    let summary = world.report(&vec![bag.as_str(); 50]).await;
    assert_eq!(summary.dispatched, 200);
    let mut by_destination = std::collections::BTreeMap::<_, Vec<_>>::new();
    for call in world.recorder.take_calls() {
        by_destination
            .entry((call.handler.clone(), call.template.clone()))
            .or_default()
            .push(call.instances.len());
        let bytes: usize = call.instances.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(bytes <= 1000);
    }
    let sums: Vec<usize> = by_destination.values().map(|sizes| sizes.iter().sum()).collect();
    assert_eq!(sums, [50, 50, 100]);
    assert!(by_destination.values().all(|sizes| sizes.len() > 5));
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_holds_up_no_other() {
    let world = World::new(CONFIG).await;
    world.recorder.script("prom.istio-system", |script| script.pause = Duration::from_secs(100));
    let start = Instant::now();
    let mut report = Box::pin(world.report(&["request.path=/a request.size=1"]));
    assert!(futures::poll!(report.as_mut()).is_pending());
    assert_eq!(world.calls().len(), 3, "all were called at once");
    let summary = report.await;
    assert_eq!(start.elapsed(), Duration::from_secs(10), "no longer than one call may take");
    assert_eq!(summary.dispatched, 2);
    let lost =
        DroppedInstances { handler: "prom.istio-system".into(), reason: "deadline_exceeded", count: 2 };
    assert_eq!(summary.dropped, [lost]);
    assert_eq!(summary.failed[0].1.kind, ErrorKind::DeadlineExceeded);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_behind_does_not_grow() {
    let options = EngineOptions { max_in_flight: 2, max_queued: 1, ..EngineOptions::default() };
    let world = World::with(options);
    world.apply(CONFIG).await;
    world.recorder.script("prom.istio-system", |script| script.pause = Duration::from_secs(5));
    let bag = ["request.path=/health request.size=1"];
    let reports = futures::future::join_all((0..5).map(|_| world.report(&bag))).await;
    let dispatched: Vec<u64> = reports.iter().map(|summary| summary.dispatched).collect();
    assert_eq!(dispatched.iter().sum::<u64>(), 2 * 3, "{dispatched:?}");
    let labels = [("handler", "prom.istio-system"), ("reason", "queue_full")];
    assert_eq!(world.metric("mixer_dispatcher_dropped_instances_total", &labels), 4.0);
}

#[tokio::test]
async fn handlers_that_fail_are_named_and_counted() {
    let world = World::new(CONFIG).await;
    world.recorder.script("prom.istio-system", |script| {
        script.report = Err(HandlerError::new(ErrorKind::Unavailable, "away"));
    });
    world.recorder.script("log.istio-system", |script| {
        let dropped = Dropped { reason: "series_limit", count: 1, detail: "too many".to_owned() };
        script.report = Ok(ReportOutcome { dropped: vec![dropped] });
    });
    let summary = world.report(&["request.path=/a request.size=1"]).await;
    assert_eq!(summary.dispatched, 2);
    let failed: Vec<_> = summary.failed.iter().map(|(name, error)| (&**name, error.kind)).collect();
    assert_eq!(failed, [("prom.istio-system", ErrorKind::Unavailable)]);
    let dropped: Vec<_> =
        summary.dropped.iter().map(|lost| (&*lost.handler, lost.reason, lost.count)).collect();
    assert_eq!(dropped, [("prom.istio-system", "unavailable", 2), ("log.istio-system", "series_limit", 2)]);
    for (handler, reason, count) in dropped {
        let labels = [("handler", handler), ("reason", reason)];
        assert_eq!(world.metric("mixer_dispatcher_dropped_instances_total", &labels), count as f64);
    }
}

#[tokio::test]
async fn only_when_nothing_could_be_dispatched_the_report_failed() {
    let world = World::new(CONFIG).await;
    let failure = Err(HandlerError::new(ErrorKind::Unavailable, "away"));
    world.recorder.script("prom.istio-system", |script| script.report = failure.clone());
    let bag = ["request.path=/a request.size=1"];
    assert!(!world.report(&bag).await.nothing_dispatched());
    world.recorder.script("log.istio-system", |script| script.report = failure);
    assert!(world.report(&bag).await.nothing_dispatched());
    let nothing_to_do = World::new("").await;
    assert!(!nothing_to_do.report(&bag).await.nothing_dispatched());
    assert!(!world.report(&[]).await.nothing_dispatched());
}

#[tokio::test]
async fn handlers_that_could_not_be_built_are_counted() {
    for compat in [false, true] {
        let world = World::with(EngineOptions { compat, ..EngineOptions::default() });
        world.recorder.script("prom.istio-system", |script| script.build = Some("no".to_owned()));
        world.apply(CONFIG).await;
        let summary = world.report(&["request.path=/a request.size=1"; 2]).await;
        assert_eq!((summary.dispatched, summary.errors), (4, 0));
        let labels = [("handler", "prom.istio-system"), ("reason", "not_built")];
        let lost = world.metric("mixer_dispatcher_dropped_instances_total", &labels);
        assert_eq!(lost, if compat { 0.0 } else { 4.0 });
    }
}
