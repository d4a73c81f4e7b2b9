//! Every code, with and without a pause that the server asks for.

use super::*;

fn with_pause(code: Code, seconds: i64) -> Status {
    let pause = RetryInfo { retry_delay: Some(prost_types::Duration { seconds, nanos: 500_000_000 }) };
    let any = prost_types::Any {
        type_url: format!("type.googleapis.com/{RETRY_INFO}"),
        value: pause.encode_to_vec(),
    };
    let other = prost_types::Any { type_url: "x/google.rpc.DebugInfo".to_owned(), value: vec![1] };
    Status::with_details(code, "busy", Details { details: vec![other, any] }.encode_to_vec().into())
}

#[test]
fn codes_are_tried_again_or_dropped_as_otlp_says() {
    let again = [1, 4, 10, 11, 14, 15];
    for number in 1..=16 {
        let found = outcome(&Status::new(Code::from(number), "no"));
        let is_again = matches!(&found, Outcome::Retry { after: None, detail } if detail.contains("no"));
        let is_dropped = matches!(&found, Outcome::Drop { reason, .. } if reason.starts_with("grpc_"));
        assert_eq!((is_again, is_dropped), (again.contains(&number), !again.contains(&number)), "{found:?}");
    }
    assert_eq!(outcome(&Status::ok("")), Outcome::Delivered);
}

#[test]
fn a_pause_is_kept_and_makes_a_busy_server_worth_a_retry() {
    for (code, again) in
        [(Code::Unavailable, true), (Code::ResourceExhausted, true), (Code::InvalidArgument, false)]
    {
        let found = outcome(&with_pause(code, 30));
        let pause =
            matches!(&found, Outcome::Retry { after: Some(after), .. } if after.as_millis() == 30_500);
        assert_eq!(pause, again, "{found:?}");
    }
    let negative = outcome(&with_pause(Code::Unavailable, -30));
    assert!(matches!(negative, Outcome::Retry { after: None, .. }), "{negative:?}");
    let broken = Status::with_details(Code::Unavailable, "x", vec![0xff, 1, 2].into());
    assert!(matches!(outcome(&broken), Outcome::Retry { after: None, .. }));
}

#[test]
fn a_message_that_is_too_large_is_split() {
    for text in [
        "grpc: received message larger than max (5000000 vs. 4194304)",
        "gRPC message exceeds maximum size 4194304: 5000000",
        "Error, decoded message length too large: found 5000000 bytes, the limit is: 4194304 bytes",
    ] {
        assert_eq!(outcome(&Status::resource_exhausted(text)), Outcome::Split, "{text}");
    }
    let quota = outcome(&Status::resource_exhausted("quota"));
    assert!(matches!(quota, Outcome::Drop { reason: "grpc_resource_exhausted", .. }), "{quota:?}");
}

#[test]
fn what_arose_here_is_tried_again_whatever_its_code() {
    let broken: Box<dyn std::error::Error + Send + Sync> = "the stream broke off".into();
    let status = Status::from_error(broken);
    assert_eq!(status.code(), Code::Unknown);
    let found = outcome(&status);
    assert!(
        matches!(&found, Outcome::Retry { after: None, detail } if detail.contains("broke off")),
        "{found:?}"
    );
}

#[test]
fn what_ended_before_its_status_is_tried_again_and_a_refusal_with_such_words_is_not() {
    let check = |code: Code, text: &str, again: bool| {
        let found = outcome(&Status::new(code, text));
        assert_eq!(matches!(found, Outcome::Retry { .. }), again, "{code:?} {text}: {found:?}");
    };
    check(Code::Internal, "Missing response message.", true);
    check(Code::Internal, "Unexpected EOF decoding stream.", true);
    check(Code::Unknown, "protocol error: missing grpc-status trailer, stream was terminated", true);
    check(Code::InvalidArgument, "Missing response message.", false);
    check(Code::Internal, "division by zero", false);
}
