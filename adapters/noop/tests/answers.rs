//! Everything passes, everything is granted, everything is taken.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mixer_adapter_sdk::{
    Batch, Call, CheckResult, Handler, HandlerSpec, QuotaCall, QuotaResult, ReportCall, ReportOutcome, Status,
};

const FOR_EVER: Duration = Duration::from_secs(1_000_000_000);

fn spec(params: &'static [u8]) -> HandlerSpec {
    HandlerSpec { name: "noop".into(), params: Bytes::from_static(params), instances: Vec::new() }
}

async fn handler() -> Arc<dyn Handler> {
    mixer_noop_adapter::adapter().build(spec(b"")).await.unwrap()
}

fn call(template: &str) -> Call<'_> {
    Call { template, instance: "i.instance.ns", bytes: Bytes::new(), deadline: None }
}

#[tokio::test]
async fn everything_passes() {
    for template in ["authorization", "checknothing", "listentry"] {
        let result = handler().await.check(call(template)).await.unwrap();
        let expected =
            CheckResult { status: Status::ok(), valid_duration: FOR_EVER, valid_use_count: 1_000_000_000 };
        assert_eq!(result, expected, "{template}");
    }
}

#[tokio::test]
async fn everything_is_granted() {
    let quota = QuotaCall { call: call("quota"), amount: 42, best_effort: false, dedup_id: "" };
    let granted = handler().await.quota(quota).await.unwrap();
    assert_eq!(granted, QuotaResult { status: Status::ok(), valid_duration: FOR_EVER, amount: 42 });
}

#[tokio::test]
async fn everything_is_taken() {
    for template in ["logentry", "metric", "reportnothing", "tracespan"] {
        let batch = Batch::from_instances([("i".into(), Bytes::from_static(b"no matter what"))]);
        let outcome = handler().await.report(ReportCall { template, batch, deadline: None }).await.unwrap();
        assert_eq!(outcome, ReportOutcome::complete(), "{template}");
    }
}

#[test]
fn only_a_configuration_is_a_configuration() {
    let adapter = mixer_noop_adapter::adapter();
    assert_eq!(adapter.validate(&spec(b"")), []);
    assert_eq!(adapter.validate(&spec(b"\x0a\x7f")).len(), 1);
}
