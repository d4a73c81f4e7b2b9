//! Handlers that fail, are late, panic or cannot be built, and what the failure policy makes of it.

use std::time::Duration;

use mixer_adapter_api::{ErrorKind, HandlerError};
use mixer_dispatch::{EngineOptions, Stage};
use mixer_testkit::Script;

use crate::support::World;

const CONFIG: &str = "
    handler istio-system/a {compiledAdapter: recording, failurePolicy: ${policy}}
    handler istio-system/b {compiledAdapter: recording}
    instance istio-system/n {compiledTemplate: checknothing}
    rule istio-system/r {actions: [{handler: a, instances: [n]}, {handler: b, instances: [n]}]}
";

fn config(policy: &str) -> String {
    CONFIG.replace("${policy}", policy)
}

/// What goes wrong, how that is called, and a part of its text.
type Trouble = (fn(&mut Script), ErrorKind, &'static str);

fn troubles() -> [Trouble; 3] {
    let unavailable: fn(&mut Script) = |script| {
        script.check = Err(HandlerError::new(ErrorKind::Unavailable, "the backend is away"));
    };
    [
        (unavailable, ErrorKind::Unavailable, "the backend is away"),
        (
            |script| script.pause = Duration::from_secs(11),
            ErrorKind::DeadlineExceeded,
            "did not answer in time",
        ),
        (|script| script.panic = true, ErrorKind::Panicked, "the script says to panic"),
    ]
}

#[tokio::test(start_paused = true)]
async fn under_fail_there_is_no_answer() {
    for (trouble, kind, text) in troubles() {
        let world = World::new(&config("Fail")).await;
        world.recorder.script("a.istio-system", trouble);
        let error = world.check("").await.unwrap_err();
        assert_eq!((error.stage, error.kind()), (Stage::Check, kind));
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(world.calls().len(), 2, "the others were asked all the same");
    }
}

#[tokio::test(start_paused = true)]
async fn under_ignore_the_action_counts_as_not_there() {
    for (trouble, kind, _) in troubles() {
        let world = World::new(&config("Ignore")).await;
        world.recorder.script("a.istio-system", trouble);
        let outcome = world.check("").await.unwrap();
        assert!(outcome.status.is_ok());
        assert_eq!(outcome.valid_use_count, 5, "of the other handler");
        let ok: Vec<bool> = outcome.calls.iter().map(|call| call.ok).collect();
        assert_eq!(ok, [false, true]);
        let labels = [("handler", "a.istio-system"), ("reason", kind.reason())];
        assert_eq!(world.metric("mixer_dispatcher_ignored_failures_total", &labels), 1.0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_has_no_more_time_than_its_caller() {
    let world = World::new(&config("Fail")).await;
    world.recorder.script("a.istio-system", |script| script.pause = Duration::from_secs(60));
    let start = tokio::time::Instant::now();
    let runtime = world.engine.current();
    let deadline = start.into_std() + Duration::from_secs(2);
    let mut bag = crate::support::bag_of(&runtime, "");
    let error = runtime.check(&mut bag, &[], "", Some(deadline)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    assert!(world.recorder.take_calls().iter().all(|call| call.deadline == Some(deadline)));
}

#[tokio::test]
async fn a_handler_that_could_not_be_built_answers_by_its_policy() {
    // Policy, compat; whether the check fails, how many handlers are asked.
    for (policy, compat, fails, asked) in
        [("Fail", false, true, 1), ("Ignore", false, false, 1), ("Fail", true, false, 1)]
    {
        let options = EngineOptions { compat, ..EngineOptions::default() };
        let world = World::with(options);
        world.recorder.script("a.istio-system", |script| script.build = Some("the port is taken".to_owned()));
        let report = world.apply(&config(policy)).await;
        assert_eq!((report.built, report.failures.len()), (1, 1));
        assert_eq!(report.failures[0].reason, "the port is taken");
        assert!(!report.failures[0].earlier_serves);
        assert_eq!(world.metric("mixer_config_unsatisfied_action_handler_total", &[]), 1.0);
        match world.check("").await {
            Err(error) if fails => {
                assert_eq!(error.kind(), ErrorKind::NotBuilt);
                assert!(error.to_string().contains("the port is taken"), "{error}");
            }
            Ok(outcome) if !fails => assert!(outcome.status.is_ok()),
            result => panic!("{policy} {compat}: {result:?}"),
        }
        assert_eq!(world.calls().len(), asked);
    }
}

#[tokio::test]
async fn an_instance_that_cannot_be_made_is_a_failure_of_its_action() {
    let instance = "instance istio-system/n {compiledTemplate: listentry, params: {value: source.user}}";
    for (policy, fails) in [("Fail", true), ("Ignore", false)] {
        let config = config(policy)
            .replace("instance istio-system/n {compiledTemplate: checknothing}", instance)
            .replace(", {handler: b, instances: [n]}", "");
        let world = World::new(&config).await;
        let result = world.check("").await;
        assert_eq!(result.is_err(), fails);
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::Evaluation);
            assert!(error.to_string().contains("[n.instance.istio-system]"), "{error}");
            assert!(error.to_string().contains("source.user"), "{error}");
        }
        let labels = [("instance", "n.instance.istio-system"), ("reason", "absent")];
        assert_eq!(world.metric("mixer_dispatcher_instance_errors_total", &labels), 1.0);
        assert_eq!(world.calls(), [""; 0]);
    }
}
