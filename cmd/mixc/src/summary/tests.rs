//! The summary of known counts.

use std::time::Duration;

use mixer_proto::google::rpc::Status;
use mixer_proto::mixer::v1::CheckResponse;
use mixer_proto::mixer::v1::check_response::PreconditionResult;

use super::Statistics;

fn refused(code: i32) -> CheckResponse {
    let status = Some(Status { code, ..Status::default() });
    CheckResponse {
        precondition: Some(PreconditionResult { status, ..PreconditionResult::default() }),
        ..CheckResponse::default()
    }
}

#[test]
fn a_check_says_what_was_answered() {
    let mut all = Statistics::new().unwrap();
    let mut other = Statistics::new().unwrap();
    for call in 1..=100 {
        let half = if call % 2 == 0 { &mut all } else { &mut other };
        half.record(Duration::from_millis(call), 1);
        half.answered(&refused(if call <= 7 { 7 } else { 0 }));
    }
    all.add(&other);
    assert_eq!(
        all.text(Duration::from_micros(2_000_499)),
        "100 calls in 2s, 50.0 per second\n  \
         Latency: p50 50ms, p90 90.04ms, p99 99.02ms, max 100ms\n  \
         Check status: OK 93, PERMISSION_DENIED 7\n"
    );
    assert_eq!((all.failed(), all.first_error), (0, None));
}

#[test]
fn a_report_says_how_many_bags_went_and_what_failed() {
    let mut all = Statistics::new().unwrap();
    let mut other = Statistics::new().unwrap();
    other.record(Duration::from_micros(1), 100);
    other.fail(&tonic::Status::unavailable("gone"));
    other.record(Duration::from_secs(3600 * 48), 100);
    other.fail(&tonic::Status::cancelled(""));
    other.fail(&tonic::Status::unavailable("gone again"));
    all.add(&other);
    let text = all.text(Duration::from_secs(1));
    assert!(text.starts_with("2 calls in 1s, 2.0 per second\n  Bags: 200, 200.0 per second\n"), "{text}");
    assert!(
        text.ends_with("\n  Failed: 3 (Canceled 1, Unavailable 2), first with Unavailable (gone)\n"),
        "{text}"
    );
    assert_eq!((all.failed(), all.first_error.as_deref()), (3, Some("Unavailable (gone)")));
}

#[test]
fn no_call_is_no_latency() {
    assert_eq!(Statistics::new().unwrap().text(Duration::ZERO), "0 calls in 0s, 0.0 per second\n");
}
