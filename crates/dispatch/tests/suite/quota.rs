//! Quotas: who allocates, who decides, and what happens when nobody does.

use std::time::Duration;

use mixer_adapter_api::{ErrorKind, HandlerError, QuotaResult, Status, code};
use mixer_dispatch::{EngineOptions, QuotaOutcome, QuotaRequest};

use crate::support::{World, bag_of, read};

const CONFIG: &str = "
    handler istio-system/mem {compiledAdapter: recording}
    handler istio-system/other {compiledAdapter: recording}
    instance istio-system/requestCount {compiledTemplate: quota, params: {dimensions: {user: source.user | \"\"}}}
";

fn with(rules: &str) -> String {
    format!("{CONFIG}{rules}")
}

const ALWAYS: &str = "rule istio-system/a {actions: [{handler: mem, instances: [requestCount]}]}\n";

fn ask(name: &str) -> QuotaRequest<'_> {
    QuotaRequest { name, amount: 5, best_effort: true }
}

async fn one(world: &World, bag: &str, request: QuotaRequest<'_>) -> QuotaOutcome {
    let mut quotas = world.check_with(bag, &[request], "").await.unwrap().quotas;
    assert_eq!(quotas.len(), 1);
    let (name, outcome) = quotas.remove(0);
    assert_eq!(name, request.name);
    outcome
}

#[tokio::test]
async fn the_adapter_gets_what_the_caller_asked() {
    let world = World::new(&with(ALWAYS)).await;
    // The caller's id, the quota's name as the caller wrote it; what the adapter sees.
    for (id, name, seen) in [
        ("77", "requestcount", "77requestcount"),
        ("77", "REQUESTCOUNT", "77REQUESTCOUNT"),
        ("", "requestCount", ""),
    ] {
        let quotas = [QuotaRequest { name, amount: -2, best_effort: false }];
        let outcome = world.check_with("", &quotas, id).await.unwrap();
        assert_eq!((outcome.quotas[0].1.amount, outcome.quotas[0].1.valid_duration.as_secs()), (1, 5));
        let call = world.recorder.take_calls().remove(0);
        assert_eq!((call.method, call.handler.as_str()), ("quota", "mem.istio-system"));
        assert_eq!(call.names(), ["requestCount.instance.istio-system"]);
        assert_eq!((call.amount, call.best_effort, call.dedup_id.as_str()), (-2, false, seen));
    }
}

#[tokio::test]
async fn a_rule_that_does_not_match_contributes_nothing() {
    let rules = format!(
        "{ALWAYS} rule istio-system/b {{match: source.user == \"vip\", actions: [{{handler: other, instances: [requestCount]}}]}}"
    );
    let world = World::new(&with(&rules)).await;
    let refused = QuotaResult { status: Status::new(8, "used up"), ..QuotaResult::default() };
    world.recorder.script("mem.istio-system", |script| script.quota = Ok(refused));
    let outcome = one(&world, "source.user=eve", ask("requestcount")).await;
    assert_eq!((outcome.amount, outcome.status.code), (0, code::RESOURCE_EXHAUSTED));
    assert_eq!(outcome.status.message, "mem.istio-system:used up");
}

#[tokio::test]
async fn when_no_rule_matches_all_is_granted() {
    let world = World::new(&with(
        "rule istio-system/b {match: source.user == \"vip\", actions: [{handler: mem, instances: [requestCount]}]}",
    ))
    .await;
    let outcome = one(&world, "source.user=eve", ask("requestcount")).await;
    assert_eq!((outcome.amount, outcome.valid_duration), (5, Duration::from_secs(60)));
    assert!(outcome.status.is_ok() && world.calls().is_empty());
}

#[tokio::test]
async fn an_unknown_quota_is_granted_unless_that_is_forbidden() {
    for strict in [false, true] {
        let world = World::with(EngineOptions { strict_quota: strict, ..EngineOptions::default() });
        world
            .apply(&with(
                &ALWAYS
                    .replace("istio-system/a", "shop/a")
                    .replace("[requestCount]", "[requestCount.istio-system]")
                    .replace("mem,", "mem.istio-system,"),
            ))
            .await;
        assert_eq!(one(&world, "destination.namespace=shop", ask("requestcount")).await.amount, 1);
        for (bag, name) in [("", "requestcount"), ("destination.namespace=shop", "nosuch")] {
            let outcome = one(&world, bag, ask(name)).await;
            assert_eq!(outcome.status.is_ok(), !strict, "{name}");
            assert_eq!(outcome.amount, if strict { 0 } else { 5 });
            assert_eq!(outcome.failure, None);
        }
        let label = if strict { "refused" } else { "granted" };
        assert_eq!(world.metric("mixer_dispatcher_unknown_quotas_total", &[("outcome", label)]), 2.0);
    }
}

#[tokio::test]
async fn the_status_of_a_handler_is_kept_and_its_failure_is_one() {
    let failure = HandlerError::new(ErrorKind::Unavailable, "redis is away");
    for (policy, amount, status) in [("Fail", 0, code::UNAVAILABLE), ("Ignore", 5, code::OK)] {
        let config = with(ALWAYS).replace(
            "mem {compiledAdapter: recording}",
            &format!("mem {{compiledAdapter: recording, failurePolicy: {policy}}}"),
        );
        for compat in [false, true] {
            let world = if compat { World::compat(&config).await } else { World::new(&config).await };
            world.recorder.script("mem.istio-system", |script| script.quota = Err(failure.clone()));
            let outcome = one(&world, "", ask("requestcount")).await;
            assert_eq!((outcome.amount, outcome.status.code), (amount, status), "{policy}");
            assert_eq!(outcome.failure, (policy == "Fail").then_some(ErrorKind::Unavailable));
        }
    }
}

#[tokio::test]
async fn the_first_result_in_rule_order_counts() {
    let rules =
        format!("{ALWAYS} rule istio-system/b {{actions: [{{handler: other, instances: [requestCount]}}]}}");
    let world = World::new(&with(&rules)).await;
    let grant =
        |amount| Ok(QuotaResult { amount, valid_duration: Duration::from_secs(1), ..QuotaResult::default() });
    world.recorder.script("mem.istio-system", |script| {
        script.quota = grant(3);
        script.pause = Duration::from_millis(20);
    });
    world.recorder.script("other.istio-system", |script| script.quota = grant(4));
    assert_eq!(one(&world, "", ask("requestcount")).await.amount, 3);
    assert_eq!(
        world.metric("mixer_dispatcher_skipped_grants_total", &[("handler", "other.istio-system")]),
        1.0
    );
}

#[tokio::test]
async fn each_quota_names_what_it_read() {
    let world = World::new(&with(&format!(
        "{ALWAYS}
        instance istio-system/byPath {{compiledTemplate: quota, params: {{dimensions: {{path: request.path | \"\"}}}}}}
        instance istio-system/n {{compiledTemplate: listentry, params: {{value: source.name | \"\"}}}}
        rule istio-system/b {{match: source.uid != \"\", actions: [{{handler: mem, instances: [byPath, n]}}]}}"
    )))
    .await;
    let runtime = world.engine.current();
    let mut bag = bag_of(&runtime, "source.uid=u");
    let quotas = [ask("bypath"), ask("requestcount"), ask("nosuch")];
    let outcome = runtime.check(&mut bag, &quotas, "", None).await.unwrap();
    let read_by = |index: usize| read(&outcome.quotas[index].1.referenced, &bag);
    let scope = ["context.reporter.kind!", "destination.namespace!"];
    assert_eq!(read_by(0), [scope[0], scope[1], "request.path!", "source.uid"]);
    assert_eq!(read_by(1), [scope[0], scope[1], "source.user!"]);
    assert_eq!(read_by(2), scope);
    assert_eq!(read(&outcome.referenced, &bag), [scope[0], scope[1], "source.name!", "source.uid"]);
}
