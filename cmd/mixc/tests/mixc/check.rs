//! `mixc check`: what it prints for each kind of answer, and what it asks.

use mixer_proto::GLOBAL_WORDS;
use mixer_proto::google::rpc;
use mixer_proto::mixer::v1::check_request::QuotaParams;
use mixer_proto::mixer::v1::check_response::{PreconditionResult, QuotaResult};
use mixer_proto::mixer::v1::header_operation::Operation;
use mixer_proto::mixer::v1::referenced_attributes::{AttributeMatch, Condition};
use mixer_proto::mixer::v1::{
    CheckRequest, CheckResponse, CompressedAttributes, HeaderOperation, ReferencedAttributes, RouteDirective,
};
use prost_types::Duration;
use tonic::Status;

use crate::fake::{Answer, run, run_over_unix_socket};

const SECOND: Duration = Duration { seconds: 1, nanos: 0 };

fn status(code: i32, message: &str) -> rpc::Status {
    rpc::Status { code, message: message.to_owned(), ..rpc::Status::default() }
}

fn precondition(status: rpc::Status) -> PreconditionResult {
    PreconditionResult {
        status: Some(status),
        valid_duration: Some(Duration { seconds: 60, nanos: 0 }),
        valid_use_count: 10_000,
        ..PreconditionResult::default()
    }
}

fn answer(precondition: PreconditionResult) -> CheckResponse {
    CheckResponse { precondition: Some(precondition), ..CheckResponse::default() }
}

/// Runs a check and compares what it printed.
async fn check(answer: Answer, expected: &str, code: i32) {
    let run = run(answer, &["check"]).await;
    assert_eq!((run.stdout.as_str(), run.stderr.as_str(), run.code), (expected, "", code));
}

#[tokio::test]
async fn an_accepted_check() {
    let exact = |name, map_key| AttributeMatch {
        name,
        map_key,
        condition: Condition::Exact.into(),
        ..Default::default()
    };
    let absent = |name, map_key| AttributeMatch {
        name,
        map_key,
        condition: Condition::Absence.into(),
        ..Default::default()
    };
    let words = ["destination.namespace", "request.headers", "x-deny", "context.reporter.kind"];
    let referenced = ReferencedAttributes {
        words: words.map(str::to_owned).to_vec(),
        // Global words that nobody asked for are understood, and an index without a word is no reason to stop.
        attribute_matches: vec![exact(-2, -3), absent(-1, 0), absent(-4, 0), absent(15, 1), exact(-9, 0)],
    };
    let precondition =
        PreconditionResult { referenced_attributes: Some(referenced), ..precondition(status(0, "")) };
    let expected = "\
Check RPC completed successfully. Check status was OK
  Valid use count: 10000, valid duration: 1m0s
  Referenced Attributes
    context.reporter.kind ABSENCE
    destination.namespace ABSENCE
    request.headers::source.port ABSENCE
    request.headers::x-deny EXACT
    word(-9) EXACT

";
    assert_eq!(GLOBAL_WORDS[1], "source.port");
    check(Answer::Check(Box::new(answer(precondition))), expected, 0).await;
}

#[tokio::test]
async fn a_refused_check() {
    let denied = answer(precondition(status(7, "deny.istio-system:not allowed here")));
    let expected = "\
Check RPC completed successfully. Check status was PERMISSION_DENIED (deny.istio-system:not allowed here)
  Valid use count: 10000, valid duration: 1m0s
  Referenced Attributes

";
    check(Answer::Check(Box::new(denied)), expected, 0).await;
}

#[tokio::test]
async fn an_empty_answer_and_an_unknown_code() {
    let expected = "\
Check RPC completed successfully. Check status was OK
  Valid use count: 0, valid duration: 0s
  Referenced Attributes

";
    check(Answer::Bytes(b""), expected, 0).await;
    let strange = PreconditionResult {
        valid_duration: Some(Duration { seconds: 0, nanos: 1_500_000 }),
        valid_use_count: -1,
        ..precondition(status(99, ""))
    };
    let expected = "\
Check RPC completed successfully. Check status was Code 99
  Valid use count: -1, valid duration: 1.5ms
  Referenced Attributes

";
    check(Answer::Check(Box::new(answer(strange))), expected, 0).await;
}

#[tokio::test]
async fn quotas_in_columns_and_why_one_was_not_granted() {
    let quota = |granted_amount, seconds, status| QuotaResult {
        granted_amount,
        valid_duration: Some(Duration { seconds, nanos: 0 }),
        status,
        ..QuotaResult::default()
    };
    let mut response = answer(precondition(status(0, "")));
    response.quotas = [
        ("rq".to_owned(), quota(1, 100, Some(status(0, "ignored")))),
        ("long-quota-name".to_owned(), quota(12_345_678_901_234_567, 0, Some(status(8, "used up")))),
    ]
    .into();
    let expected = "\
Check RPC completed successfully. Check status was OK
  Valid use count: 10000, valid duration: 1m0s
  Referenced Attributes

  Quota            Granted Amount     Duration
  long-quota-name  12345678901234567  0s
  rq               1                  1m40s

  Quota Status
    long-quota-name RESOURCE_EXHAUSTED (used up)

";
    check(Answer::Check(Box::new(response.clone())), expected, 0).await;
    response.quotas = [("rq".to_owned(), quota(1, 100, None))].into();
    let expected = "\
Check RPC completed successfully. Check status was OK
  Valid use count: 10000, valid duration: 1m0s
  Referenced Attributes

  Quota  Granted Amount  Duration
  rq     1               1m40s

";
    check(Answer::Check(Box::new(response)), expected, 0).await;
}

#[tokio::test]
async fn a_route_directive() {
    let header = |name: &str, value: &str, operation: Operation| HeaderOperation {
        name: name.to_owned(),
        value: value.to_owned(),
        operation: operation.into(),
    };
    let directive = RouteDirective {
        request_header_operations: vec![
            header("x-a", "1", Operation::Replace),
            header("x-b", "", Operation::Remove),
        ],
        response_header_operations: vec![header("set-cookie", "a=b, c", Operation::Append)],
        direct_response_code: 403,
        direct_response_body: "no\n".to_owned(),
    };
    let precondition = PreconditionResult { route_directive: Some(directive), ..precondition(status(7, "")) };
    let expected = "\
Check RPC completed successfully. Check status was PERMISSION_DENIED
  Valid use count: 10000, valid duration: 1m0s
  Referenced Attributes

  Route Directive
    direct response 403 \"no\\n\"
    request header REPLACE x-a: 1
    request header REMOVE x-b
    response header APPEND set-cookie: a=b, c

";
    check(Answer::Check(Box::new(answer(precondition))), expected, 0).await;
}

#[tokio::test]
async fn a_failed_call() {
    let full = Status::unavailable("Server is currently overloaded. Please try again.");
    let expected = "Check RPC failed with: Unavailable (Server is currently overloaded. Please try again.)\n";
    check(Answer::Fail(full), expected, 1).await;
    check(Answer::Fail(Status::permission_denied("")), "Check RPC failed with: PermissionDenied\n", 1).await;
    let run = run(Answer::Fail(Status::internal("x")), &["check", "--print_response=false"]).await;
    assert_eq!((run.stdout.as_str(), run.code), ("Check RPC failed with: Internal (x)\n", 1));
}

#[tokio::test]
async fn an_answer_that_is_no_response() {
    let run = run(Answer::Bytes(b"\x12\xff"), &["check"]).await;
    let start = "Check RPC failed with: Internal (the answer is no CheckResponse: ";
    assert!(run.stdout.starts_with(start) && run.code == 1, "{run:?}");
}

#[tokio::test]
async fn no_answer_in_time() {
    let run = run(Answer::Hang, &["check", "--timeout", "50ms"]).await;
    let expected = "Check RPC failed with: DeadlineExceeded (no answer within 50ms)\n";
    assert_eq!((run.stdout.as_str(), run.code, run.seen.deadline), (expected, 1, true));
}

#[tokio::test]
async fn nobody_there() {
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("unix://{}/none.sock", folder.path().display());
    let run = crate::fake::run_alone(&["check", "-m", &socket]);
    let expected = "Check RPC failed with: Unavailable (No such file or directory (os error 2))\n";
    assert_eq!((run.stdout.as_str(), run.code), (expected, 1));
}

#[tokio::test]
async fn the_request_spells_everything_out() {
    let run = run(
        Answer::Bytes(b""),
        &["check", "-s", "source.ip=x", "-i", "own=1", "-q", "rq=2,other=-1", "-b", "connection.mtls=t"],
    )
    .await;
    let [request] = &run.seen.checks[..] else { panic!("{run:?}") };
    let id = request.deduplication_id.clone();
    assert!(id.parse::<u32>().is_ok_and(|id| id < 1_000_000_000), "nanoseconds of a second: {id}");
    let quota = |amount| QuotaParams { amount, best_effort: true };
    let expected = CheckRequest {
        attributes: Some(CompressedAttributes {
            words: ["connection.mtls", "own", "source.ip", "x"].map(str::to_owned).to_vec(),
            bools: [(-1, true)].into(),
            int64s: [(-2, 1)].into(),
            strings: [(-3, -4)].into(),
            ..CompressedAttributes::default()
        }),
        global_word_count: 0,
        deduplication_id: id,
        quotas: [("rq".to_owned(), quota(2)), ("other".to_owned(), quota(-1))].into(),
    };
    assert_eq!(*request, expected);
    assert!(run.seen.user_agent.starts_with("mixc/") && !run.seen.deadline, "{:?}", run.seen);
}

#[tokio::test]
async fn the_request_as_flags_say() {
    let run = run(
        Answer::Bytes(b""),
        &[
            "check",
            "-s",
            "source.ip=x",
            "--global_dictionary",
            "--best_effort=F",
            "-q",
            "rq=2",
            "--deduplication_id",
            "again",
            "-r",
            "2",
            "--print_response=false",
        ],
    )
    .await;
    let expected = CheckRequest {
        attributes: Some(CompressedAttributes {
            words: vec!["x".to_owned()],
            strings: [(0, -1)].into(),
            ..CompressedAttributes::default()
        }),
        global_word_count: 222,
        deduplication_id: "again".to_owned(),
        quotas: [("rq".to_owned(), QuotaParams { amount: 2, best_effort: false })].into(),
    };
    assert_eq!(run.seen.checks, [expected.clone(), expected]);
}

#[tokio::test]
async fn over_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mixer.sock");
    let response = PreconditionResult { valid_duration: Some(SECOND), ..precondition(status(0, "")) };
    let run = run_over_unix_socket(&socket, Answer::Check(Box::new(answer(response))), &["check"]).await;
    assert!(run.stdout.contains("valid duration: 1s\n") && run.code == 0, "{run:?}");
}
