//! `mixc report`: what it prints, and which bags it sends.

use mixer_proto::mixer::v1::{CompressedAttributes, ReportRequest};
use tonic::Status;

use crate::fake::{Answer, run};

#[tokio::test]
async fn a_report_that_was_taken() {
    let run = run(Answer::Bytes(b""), &["report"]).await;
    assert_eq!((run.stdout.as_str(), run.stderr.as_str(), run.code), ("Report RPC returned OK\n", "", 0));
    let empty =
        ReportRequest { attributes: vec![CompressedAttributes::default()], ..ReportRequest::default() };
    assert_eq!(run.seen.reports, [empty]);
}

#[tokio::test]
async fn a_report_that_failed() {
    let failed = || Answer::Fail(Status::unknown("1 error occurred:\n\t* bad\n"));
    let expected = "Report RPC returned Unknown (1 error occurred:\n\t* bad\n)\n";
    let loud = run(failed(), &["report"]).await;
    assert_eq!((loud.stdout.as_str(), loud.stderr.as_str(), loud.code), (expected, "", 1));
    let quiet = run(failed(), &["report", "--print_response=false"]).await;
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str(), quiet.code), ("", expected, 1));
}

/// Every bag is whole, with words of its own, so that a server has the work of as many requests.
#[tokio::test]
async fn bags_in_batches() {
    let run = run(
        Answer::Bytes(b""),
        &["report", "-s", "source.ip=x", "-r", "5", "--report_batch_size", "2", "--global_dictionary=true"],
    )
    .await;
    let bag = CompressedAttributes {
        words: vec!["x".to_owned()],
        strings: [(0, -1)].into(),
        ..CompressedAttributes::default()
    };
    let batch = |bags| ReportRequest {
        attributes: vec![bag.clone(); bags],
        global_word_count: 222,
        ..ReportRequest::default()
    };
    assert_eq!(run.seen.reports, [batch(2), batch(2), batch(1)]);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines[..3], ["Report RPC returned OK"; 3]);
    assert!(lines[3].starts_with("3 calls in ") && lines[4].starts_with("  Bags: 5, "), "{lines:?}");
}

#[tokio::test]
async fn a_batch_that_is_larger_than_all_bags() {
    let run = run(Answer::Bytes(b""), &["report", "-r", "3", "--report_batch_size", "100"]).await;
    let sizes: Vec<_> = run.seen.reports.iter().map(|report| report.attributes.len()).collect();
    assert_eq!((sizes, run.stdout.as_str()), (vec![3], "Report RPC returned OK\n"));
}
