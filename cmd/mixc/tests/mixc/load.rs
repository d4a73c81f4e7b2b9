//! Many calls: how many are made by whom, how they are counted, and the exit code when some of them fail.

use std::collections::BTreeSet;

use mixer_proto::google::rpc;
use mixer_proto::mixer::v1::CheckResponse;
use mixer_proto::mixer::v1::check_response::PreconditionResult;
use tonic::Status;

use crate::fake::{Answer, run};

/// The summary with every number that depends on time replaced.
fn summary(stdout: &str) -> String {
    let mut text = String::new();
    for line in stdout.lines() {
        let words = line.split(' ').map(|word| {
            let number = word.trim_end_matches(',');
            let is_time = number.parse::<mixer_attribute::Duration>().is_ok();
            let is_rate = number.contains('.') && number.parse::<f64>().is_ok();
            if is_time || is_rate { word.replace(number, "X") } else { word.to_owned() }
        });
        text.push_str(&words.collect::<Vec<_>>().join(" "));
        text.push('\n');
    }
    text
}

#[tokio::test]
async fn each_worker_makes_as_many_calls_as_said() {
    let status = Some(rpc::Status { code: 16, ..rpc::Status::default() });
    let precondition = Some(PreconditionResult { status, ..PreconditionResult::default() });
    let refused = CheckResponse { precondition, ..CheckResponse::default() };
    let run =
        run(Answer::Check(Box::new(refused)), &["check", "-r", "5", "-c", "3", "--print_response=false"])
            .await;
    let expected = "\
15 calls in X, X per second
  Latency: p50 X, p90 X, p99 X, max X
  Check status: UNAUTHENTICATED 15
";
    assert_eq!((summary(&run.stdout).as_str(), run.stderr.as_str(), run.code), (expected, "", 0));
    // The ids count up, and are the same for each worker.
    let ids: Vec<u64> = run.seen.checks.iter().map(|check| check.deduplication_id.parse().unwrap()).collect();
    let different: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!((ids.len(), different.len()), (15, 5));
    assert_eq!(different.last().unwrap() - different.first().unwrap(), 4);
}

#[tokio::test]
async fn one_failed_call_is_a_failed_run() {
    let half = Answer::FailHalf(Status::unavailable("full"));
    let run = run(half, &["report", "-r", "4", "--print_response=false"]).await;
    let expected = "\
4 calls in X, X per second
  Latency: p50 X, p90 X, p99 X, max X
  Failed: 2 (Unavailable 2), first with Unavailable (full)
";
    assert_eq!((summary(&run.stdout).as_str(), run.stderr.as_str(), run.code), (expected, "", 1));
}

#[tokio::test]
async fn answers_of_workers_are_not_mixed() {
    let run = run(Answer::Bytes(b""), &["check", "-r", "20", "-c", "4"]).await;
    let one = "\
Check RPC completed successfully. Check status was OK
  Valid use count: 0, valid duration: 0s
  Referenced Attributes

";
    assert!(run.stdout.starts_with(&one.repeat(80)), "{}", run.stdout);
}

#[tokio::test]
async fn a_duration_ends_the_run() {
    let run = run(Answer::Bytes(b""), &["report", "--duration", "100ms", "--print_response=false"]).await;
    assert!(run.code == 0 && !run.seen.reports.is_empty(), "{run:?}");
    let calls: usize = run.stdout.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(calls, run.seen.reports.len());
}

/// Four workers and 20 calls per second for a fifth of a second: the first at once, then one every 50 ms.
#[tokio::test]
async fn a_rate_holds_for_all_workers_together() {
    let run = run(
        Answer::Bytes(b""),
        &["report", "--duration", "200ms", "--rate", "20", "-c", "4", "--print_response=false"],
    )
    .await;
    assert!((1..=4).contains(&run.seen.reports.len()), "{}", run.stdout);
}

#[tokio::test]
async fn no_call_is_no_output() {
    for repeat in ["0", "-1"] {
        let run = run(Answer::Hang, &["report", "-r", repeat]).await;
        assert_eq!((run.stdout.as_str(), run.stderr.as_str(), run.code), ("", "", 0));
    }
}
