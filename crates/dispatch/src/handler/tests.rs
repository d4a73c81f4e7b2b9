//! The guard around every call: deadlines, bounds, panics, closing.

use std::sync::Arc;
use std::time::Duration;

use mixer_adapter_api::{
    Adapter, AdapterInfo, BoxFuture, BuildError, Call, CheckResult, ErrorKind, FieldProblem, Handler,
    HandlerError, HandlerSpec, Registry,
};
use mixer_config::snapshot::{FailurePolicy, HandlerConfig, HandlerKind};
use tokio::time::Instant;

use super::{Blueprint, Running, build};
use crate::metrics::Metrics;
use crate::options::EngineOptions;

/// What the params of a handler tell it to do.
struct Obedient;

static INFO: AdapterInfo = AdapterInfo {
    name: "obedient",
    aliases: &[],
    description: "Does what its params say.",
    templates: &["checknothing"],
    config_descriptor: &[],
    config_message: "",
};

impl Adapter for Obedient {
    fn info(&self) -> &AdapterInfo {
        &INFO
    }

    fn validate(&self, _: &HandlerSpec) -> Vec<FieldProblem> {
        Vec::new()
    }

    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        Box::pin(async move {
            match &*spec.params {
                b"build: fail" => Err(BuildError("the port is taken".to_owned())),
                b"build: panic" => panic!("boom"),
                b"build: hang" => std::future::pending().await,
                params => Ok(Arc::new(Order(params.to_vec())) as Arc<dyn Handler>),
            }
        })
    }
}

struct Order(Vec<u8>);

impl Handler for Order {
    fn check<'a>(&'a self, _: Call<'a>) -> BoxFuture<'a, Result<CheckResult, HandlerError>> {
        match &*self.0 {
            b"panic early" => panic!("before the future"),
            b"panic" => Box::pin(async { panic!("in the future {}", 1) }),
            b"hang" => Box::pin(std::future::pending()),
            b"second" => Box::pin(async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(CheckResult::default())
            }),
            _ => Box::pin(std::future::ready(Ok(CheckResult::default()))),
        }
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        match &*self.0 {
            b"close: hang" => Box::pin(std::future::pending()),
            b"close: panic" => panic!("closing"),
            _ => Box::pin(std::future::ready(())),
        }
    }
}

async fn make(order: &str, options: &EngineOptions) -> Result<Running, String> {
    let spec =
        HandlerSpec { name: "h.ns".into(), params: order.as_bytes().to_vec().into(), instances: Vec::new() };
    let config = HandlerConfig {
        spec,
        adapter: "obedient".into(),
        kind: HandlerKind::Hosted { adapter: "obedient" },
        failure_policy: FailurePolicy::Fail,
    };
    let registry = Registry::new(vec![Arc::new(Obedient)]);
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    build(Blueprint { config, paths: Default::default() }, &registry, (options, &metrics), false).await
}

async fn check(running: &Running, caller: Option<Duration>) -> Result<CheckResult, HandlerError> {
    let now = Instant::now();
    let deadline = running.deadline(now, caller.map(|caller| now + caller));
    let call = Call {
        template: "checknothing",
        instance: "i",
        bytes: Default::default(),
        deadline: Some(deadline.into_std()),
    };
    running.call(1, deadline, |handler| handler.check(call)).await
}

#[tokio::test(start_paused = true)]
async fn calls_end_in_time_and_panics_end_here() {
    let options = EngineOptions::default();
    let own = Some(Duration::from_secs(2));
    // Order, the caller's time; kind of error and a part of its text; seconds that passed.
    let cases = [
        ("answer", None, None, 0),
        ("second", own, None, 1),
        ("hang", None, Some((ErrorKind::DeadlineExceeded, "did not answer in time")), 10),
        ("hang", own, Some((ErrorKind::DeadlineExceeded, "handler h.ns: adapter obedient")), 2),
        ("panic", None, Some((ErrorKind::Panicked, "in the future 1")), 0),
        ("panic early", None, Some((ErrorKind::Panicked, "before the future")), 0),
    ];
    for (order, caller, error, seconds) in cases {
        let running = make(order, &options).await.unwrap();
        let start = Instant::now();
        let result = check(&running, caller).await;
        assert_eq!(start.elapsed().as_secs(), seconds, "{order}");
        match (result, error) {
            (Ok(_), None) => {}
            (Err(found), Some((kind, text))) => {
                assert_eq!(found.kind, kind, "{order}");
                assert!(found.message.contains(text), "{order}: {found}");
            }
            (result, _) => panic!("{order}: {result:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_handler_says_so_and_serves_on() {
    let options = EngineOptions { max_in_flight: 1, max_queued: 1, ..EngineOptions::default() };
    let running = make("second", &options).await.unwrap();
    let start = Instant::now();
    let calls = futures::future::join_all((0..3).map(|_| check(&running, None))).await;
    assert_eq!(start.elapsed().as_secs(), 2, "the second call waited for the first");
    let kinds: Vec<_> = calls.into_iter().map(|call| call.map_err(|error| error.kind).err()).collect();
    assert_eq!(kinds, [None, None, Some(ErrorKind::QueueFull)]);
    assert!(check(&running, None).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn builds_that_fail_say_why() {
    let options = EngineOptions::default();
    let cases = [
        ("build: fail", "the port is taken"),
        ("build: panic", "the adapter panicked: boom"),
        ("build: hang", "longer than 30s"),
    ];
    for (order, text) in cases {
        let error = make(order, &options).await.unwrap_err();
        assert!(error.contains(text), "{order}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn closing_ends_in_time() {
    let options = EngineOptions::default();
    for (order, closes) in [("answer", true), ("close: hang", false), ("close: panic", false)] {
        let running = make(order, &options).await.unwrap();
        assert_eq!(running.close(Instant::now() + Duration::from_secs(3)).await, closes, "{order}");
    }
}
