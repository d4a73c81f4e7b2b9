//! A check from rules to one answer.

use mixer_adapter_api::{CheckResult, Status, code};
use mixer_dispatch::QuotaRequest;

use crate::support::{World, bag_of, read};

const LIST: &str = "
    handler istio-system/a {compiledAdapter: recording}
    handler istio-system/b {compiledAdapter: recording}
    instance istio-system/host {compiledTemplate: listentry, params: {value: destination.service.host | \"none\"}}
    instance istio-system/user {compiledTemplate: listentry, params: {value: source.user | source.name | \"nobody\"}}
";

fn with(rules: &str) -> String {
    format!("{LIST}{rules}")
}

#[tokio::test]
async fn nothing_matched_is_allowed_for_a_minute() {
    let world = World::new("").await;
    let outcome = world.check("destination.namespace=shop").await.unwrap();
    assert!(outcome.status.is_ok() && outcome.calls.is_empty() && outcome.route_directive.is_none());
    assert_eq!((outcome.valid_duration.as_secs(), outcome.valid_use_count), (60, 10_000));
}

#[tokio::test]
async fn every_instance_of_every_matching_rule_is_one_call() {
    let world = World::new(&with(
        "
        rule istio-system/1 {match: destination.port == 80, actions: [{handler: a, instances: [host, user]}]}
        rule istio-system/2 {actions: [{handler: b, instances: [user]}, {handler: a, instances: [user]}]}
        rule istio-system/3 {match: destination.port == 81, actions: [{handler: b, instances: [host]}]}
        rule istio-system/4 {match: 'true ', actions: [{handler: b, instances: [host]}]}
    ",
    ))
    .await;
    world.check("destination.port=80 source.user=bob destination.service.host=x").await.unwrap();
    assert_eq!(
        world.calls(),
        [
            "check a.istio-system host.instance.istio-system=x",
            "check a.istio-system user.instance.istio-system=bob",
            "check b.istio-system user.instance.istio-system=bob",
            "check a.istio-system user.instance.istio-system=bob",
            "check b.istio-system host.instance.istio-system=x",
        ]
    );
}

#[tokio::test]
async fn answers_merge_in_rule_order_whatever_answers_first() {
    let world = World::new(&with(
        "
        rule istio-system/1 {actions: [{handler: a, instances: [host]}]}
        rule istio-system/2 {actions: [{handler: b, instances: [host]}]}
    ",
    ))
    .await;
    let refuse = |code, message: &str, seconds| CheckResult {
        status: Status::new(code, message),
        valid_duration: std::time::Duration::from_secs(seconds),
        valid_use_count: 7,
    };
    world.recorder.script("a.istio-system", |script| {
        script.check = Ok(refuse(code::PERMISSION_DENIED, "not you", 9));
        script.pause = std::time::Duration::from_millis(20);
    });
    world
        .recorder
        .script("b.istio-system", |script| script.check = Ok(refuse(code::NOT_FOUND, "nor here", 3)));
    let outcome = world.check("").await.unwrap();
    assert_eq!(outcome.status.code, code::PERMISSION_DENIED);
    assert_eq!(outcome.status.message, "a.istio-system:not you, b.istio-system:nor here");
    assert_eq!((outcome.valid_duration.as_secs(), outcome.valid_use_count), (3, 7));
    let runtime = world.engine.current();
    let names: Vec<_> = outcome.calls.iter().map(|call| (runtime.names(call), call.ok)).collect();
    assert_eq!(
        names,
        [
            (("1.rule.istio-system", "a.istio-system"), false),
            (("2.rule.istio-system", "b.istio-system"), false)
        ]
    );
}

#[tokio::test]
async fn an_answer_that_may_not_be_cached_makes_the_whole_so() {
    let rules = with(
        "
        rule istio-system/1 {actions: [{handler: a, instances: [host]}]}
        rule istio-system/2 {actions: [{handler: b, instances: [host]}]}
    ",
    );
    for (compat, expected) in [(false, (0, 0)), (true, (5, 5))] {
        let world = if compat { World::compat(&rules).await } else { World::new(&rules).await };
        world.recorder.script("a.istio-system", |script| script.check = Ok(CheckResult::default()));
        let outcome = world.check("").await.unwrap();
        let merged = (outcome.valid_duration.as_secs(), outcome.valid_use_count);
        assert_eq!(merged, expected, "compat {compat}");
    }
}

#[tokio::test]
async fn what_was_read_is_the_callers_cache_key() {
    let world = World::new(&with("
        rule istio-system/1 {match: 'destination.port == 80 && source.labels[\"app\"] == \"x\"', actions: [{handler: a, instances: [user]}]}
    "))
    .await;
    let cases: [(&str, &[&str]); 5] = [
        ("", &["context.reporter.kind!", "destination.namespace!", "destination.port!"]),
        (
            "context.reporter.kind=outbound source.namespace=n destination.port=81",
            &["context.reporter.kind", "destination.port", "source.namespace"],
        ),
        (
            "context.reporter.kind=other destination.port=80",
            &["context.reporter.kind", "destination.port", "source.labels!"],
        ),
        (
            "destination.port=80 source.labels=app:y",
            &["context.reporter.kind!", "destination.namespace!", "destination.port", "source.labels[app]"],
        ),
        (
            "destination.port=80 source.labels=app:x source.name=bob",
            &[
                "context.reporter.kind!",
                "destination.namespace!",
                "destination.port",
                "source.labels[app]",
                "source.name",
                "source.user!",
            ],
        ),
    ];
    for (bag, expected) in cases {
        let runtime = world.engine.current();
        let mut attributes = bag_of(&runtime, bag);
        let outcome = runtime.check(&mut attributes, &[], "", None).await.unwrap();
        assert_eq!(read(&outcome.referenced, &attributes), expected, "{bag}");
    }
}

#[tokio::test]
async fn quotas_are_not_asked_of_a_refused_request() {
    let world = World::new(&with(
        "
        instance istio-system/q {compiledTemplate: quota}
        rule istio-system/1 {actions: [{handler: a, instances: [host]}, {handler: b, instances: [q]}]}
    ",
    ))
    .await;
    let quota = QuotaRequest { name: "q", amount: 1, best_effort: false };
    assert_eq!(world.check_with("", &[quota], "").await.unwrap().quotas.len(), 1);
    world.recorder.script("a.istio-system", |script| {
        script.check = Ok(CheckResult { status: Status::new(7, "no"), ..CheckResult::default() });
    });
    world.calls();
    let outcome = world.check_with("", &[quota], "").await.unwrap();
    assert!(outcome.quotas.is_empty());
    assert_eq!(world.calls(), ["check a.istio-system host.instance.istio-system=none"]);
}
