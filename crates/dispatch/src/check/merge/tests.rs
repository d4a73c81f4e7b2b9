//! How answers merge, by default and as in the original.

use std::time::Duration;

use bytes::Bytes;
use mixer_adapter_api::{Any, CheckResult, Status, code};
use mixer_attribute::Referenced;
use mixer_config::snapshot::HeaderOperation;
use mixer_proto::policy::v1beta1::DirectHttpResponse;
use prost::Message;

use super::Merge;
use crate::outcome::CheckOutcome;

fn answer(status: Status, seconds: u64, uses: i32) -> CheckResult {
    CheckResult { status, valid_duration: Duration::from_secs(seconds), valid_use_count: uses }
}

fn ok(seconds: u64, uses: i32) -> CheckResult {
    answer(Status::ok(), seconds, uses)
}

fn refusal(code: i32, message: &str) -> CheckResult {
    answer(Status::new(code, message), 5, 3)
}

fn merge(compat: bool, answers: Vec<CheckResult>) -> CheckOutcome {
    let mut merge = Merge::new(compat);
    for (name, answer) in ["a.ns", "b.ns", "c.ns"].into_iter().zip(answers) {
        merge.add(name, answer);
    }
    merge.finish(Referenced::new(), Vec::new())
}

#[test]
fn durations_and_uses() {
    // Answers; ours; the original's, with rule order as the order of completion.
    let cases = [
        (vec![], (60, 10_000), (60, 10_000)),
        (vec![ok(0, 0)], (0, 0), (60, 10_000)),
        (vec![ok(9, 4)], (9, 4), (9, 4)),
        (vec![ok(9, 4), ok(3, 8)], (3, 4), (3, 4)),
        (vec![ok(0, 0), ok(9, 4)], (0, 0), (9, 4)),
        (vec![ok(9, 4), ok(0, 0)], (0, 0), (60, 10_000)),
        (vec![ok(9, 4), ok(0, 0), ok(7, 7)], (0, 0), (7, 7)),
        (vec![refusal(7, "x"), ok(0, 0)], (0, 0), (0, 0)),
        (vec![ok(0, 0), refusal(7, "x")], (0, 0), (5, 3)),
    ];
    for (answers, ours, original) in cases {
        for (compat, (seconds, uses)) in [(false, ours), (true, original)] {
            let outcome = merge(compat, answers.clone());
            let merged = (outcome.valid_duration.as_secs(), outcome.valid_use_count);
            assert_eq!(merged, (seconds, uses), "compat {compat}: {answers:?}");
        }
    }
}

#[test]
fn refusals_are_joined_under_the_first_code() {
    let answers = vec![refusal(code::NOT_FOUND, "not here"), ok(1, 1), refusal(code::UNAUTHENTICATED, "who")];
    let outcome = merge(false, answers);
    assert_eq!(outcome.status.code, code::NOT_FOUND);
    assert_eq!(outcome.status.message, "a.ns:not here, c.ns:who");
}

fn direct(code: i32, headers: &[(&str, &str)]) -> Any {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let response = DirectHttpResponse { code, body: "sorry".to_owned(), headers: headers.collect() };
    Any {
        type_url: "type.googleapis.com/istio.policy.v1beta1.DirectHttpResponse".to_owned(),
        value: Bytes::from(response.encode_to_vec()),
    }
}

fn refusal_with(code: i32, detail: Any) -> CheckResult {
    answer(Status { code, message: "no".to_owned(), details: vec![detail] }, 1, 1)
}

#[test]
fn a_direct_response_of_the_first_refusal() {
    let cookie = "id=1; Expires=Wed, 09 Jun 2021 10:18:14 GMT";
    let detail = direct(303, &[("location", "/login"), ("Set-Cookie", cookie)]);
    let outcome = merge(false, vec![ok(1, 1), refusal_with(7, detail)]);
    let directive = outcome.route_directive.unwrap();
    let response = directive.direct_response.unwrap();
    assert_eq!((response.code, response.body.as_str()), (303, "sorry"));
    let headers: Vec<_> = directive
        .response_headers
        .iter()
        .map(|header| (&*header.name, header.value.as_str(), header.operation))
        .collect();
    assert_eq!(
        headers,
        [("Set-Cookie", cookie, HeaderOperation::Append), ("location", "/login", HeaderOperation::Replace)]
    );
    assert!(directive.request_headers.is_empty());
}

#[test]
fn a_direct_response_of_a_later_refusal_does_not_count() {
    let outcome = merge(false, vec![refusal(7, "plain"), refusal_with(7, direct(303, &[]))]);
    assert!(outcome.route_directive.is_none());
}

#[test]
fn the_http_status_follows_from_the_code() {
    let cases = [
        (1, 408),
        (2, 500),
        (3, 400),
        (4, 504),
        (5, 404),
        (6, 409),
        (7, 403),
        (8, 429),
        (9, 412),
        (10, 409),
        (11, 400),
        (12, 501),
        (13, 500),
        (14, 503),
        (15, 500),
        (16, 401),
        (99, 500),
    ];
    for (code, http) in cases {
        let outcome = merge(false, vec![refusal_with(code, direct(0, &[]))]);
        let response = outcome.route_directive.unwrap().direct_response.unwrap();
        assert_eq!(response.code, http, "code {code}");
    }
}
