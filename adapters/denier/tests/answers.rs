//! Every check gets the configured answer, or the default one; quotas get nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use mixer_adapter_sdk::{
    Any, Call, CheckResult, FieldProblem, HandlerSpec, QuotaCall, QuotaResult, Status, code,
};
use mixer_proto::google::rpc;
use prost::Message;

/// What operators write, with the field numbers of the original: the adapter's own type for the status has to
/// understand google.rpc.Status.
#[derive(Clone, PartialEq, Message)]
struct Params {
    #[prost(message, optional, tag = "1")]
    status: Option<rpc::Status>,
    #[prost(message, optional, tag = "2")]
    valid_duration: Option<prost_types::Duration>,
    #[prost(int32, optional, tag = "3")]
    valid_use_count: Option<i32>,
}

fn spec(params: Bytes) -> HandlerSpec {
    HandlerSpec { name: "denier".into(), params, instances: Vec::new() }
}

fn call(template: &str) -> Call<'_> {
    Call { template, instance: "i.instance.ns", bytes: Bytes::new(), deadline: None }
}

fn answer(status: Status, seconds: u64, uses: i32) -> CheckResult {
    CheckResult { status, valid_duration: Duration::from_secs(seconds), valid_use_count: uses }
}

async fn check_bytes(params: Bytes, expected: &CheckResult) {
    let adapter = mixer_denier_adapter::adapter();
    assert_eq!(adapter.validate(&spec(params.clone())), []);
    let handler = adapter.build(spec(params)).await.unwrap();
    for template in ["checknothing", "listentry"] {
        assert_eq!(&handler.check(call(template)).await.unwrap(), expected);
    }
    let quota = QuotaCall { call: call("quota"), amount: 7, best_effort: true, dedup_id: "x" };
    assert_eq!(handler.quota(quota).await.unwrap(), QuotaResult::default());
}

async fn check(params: Params, expected: &CheckResult) {
    check_bytes(params.encode_to_vec().into(), expected).await;
}

#[tokio::test]
async fn without_configuration_everything_is_refused() {
    check(Params::default(), &answer(Status::new(code::FAILED_PRECONDITION, ""), 5, 1000)).await;
}

#[tokio::test]
async fn the_configured_answer_is_given_in_full() {
    let params = Params {
        status: Some(rpc::Status {
            code: code::PERMISSION_DENIED,
            message: "not today".into(),
            details: vec![prost_types::Any { type_url: "type.googleapis.com/x".into(), value: vec![1, 2] }],
        }),
        valid_duration: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        valid_use_count: Some(1),
    };
    let status = Status {
        code: code::PERMISSION_DENIED,
        message: "not today".into(),
        details: vec![Any { type_url: "type.googleapis.com/x".into(), value: Bytes::from_static(&[1, 2]) }],
    };
    check(params, &answer(status, 60, 1)).await;
}

#[tokio::test]
async fn a_status_without_code_refuses_and_one_with_code_0_lets_pass() {
    let message = rpc::Status { message: "no".into(), ..Default::default() };
    let params = Params { status: Some(message), ..Default::default() };
    check(params, &answer(Status::new(code::FAILED_PRECONDITION, "no"), 5, 1000)).await;
    // An explicit 0 is on the wire, although it is the default of its type.
    let explicit = Bytes::from_static(&[0x0a, 0x02, 0x08, 0x00]);
    check_bytes(explicit, &answer(Status::ok(), 5, 1000)).await;
}

#[tokio::test]
async fn zeros_that_are_written_count() {
    let params = Params {
        valid_duration: Some(prost_types::Duration::default()),
        valid_use_count: Some(0),
        ..Default::default()
    };
    check(params, &answer(Status::new(code::FAILED_PRECONDITION, ""), 0, 0)).await;
}

#[test]
fn every_wrong_field_is_named() {
    let params = Params {
        status: Some(rpc::Status { code: 17, ..Default::default() }),
        valid_duration: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
        valid_use_count: Some(-1),
    };
    let problems = mixer_denier_adapter::adapter().validate(&spec(params.encode_to_vec().into()));
    let expected = [
        FieldProblem::new("status.code", "is not one of the codes 0 to 16 of google.rpc.Code"),
        FieldProblem::new("valid_duration", "must not be negative"),
        FieldProblem::new("valid_use_count", "is -1; must be at least 0"),
    ];
    assert_eq!(problems, expected);
}
