//! Check: decisions, quotas, what was read, and calls without an answer.

use mixer_adapter_api::{CheckResult, ErrorKind, HandlerError, QuotaResult, Status as Refusal, code};
use mixer_proto::mixer::v1::referenced_attributes::Condition;
use mixer_proto::mixer::v1::{CheckRequest, CheckResponse};
use mixer_wire::resolve_matches;
use tonic::Code;

use crate::support::{CONFIG, HANDLER, World, check_request, compat, options, quota_request};

/// Attribute, key and presence of everything that was read.
fn read(response: &CheckResponse) -> Vec<(String, bool)> {
    let precondition = response.precondition.as_ref().unwrap();
    let matches = resolve_matches(precondition.referenced_attributes.as_ref().unwrap());
    matches.iter().map(|m| (m.attribute.to_string(), m.condition == Condition::Exact)).collect()
}

#[tokio::test]
async fn an_answer_says_how_long_it_holds_and_what_it_depends_on() {
    let world = World::new().await;
    let response = world.check("request.path=/a destination.namespace=shop").await.unwrap();
    let precondition = response.precondition.clone().unwrap();
    assert_eq!(precondition.status.unwrap().code, code::OK);
    assert_eq!(precondition.valid_duration.unwrap().seconds, 5);
    assert_eq!(precondition.valid_use_count, 5);
    assert!(precondition.route_directive.is_none() && response.quotas.is_empty());
    let mut names = read(&response);
    names.sort();
    let expected =
        [("context.reporter.kind", false), ("destination.namespace", true), ("request.path", true)];
    assert_eq!(names, expected.map(|(name, there)| (name.to_owned(), there)));
    assert_eq!(world.recorder.take_calls()[0].texts(), ["/a"]);
    world.end().await;
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    let world = World::new().await;
    let status = Refusal::new(code::PERMISSION_DENIED, "not you");
    world.recorder.script(HANDLER, |script| {
        script.check = Ok(CheckResult { status, ..CheckResult::default() });
    });
    let client_asks = quota_request("request.path=/a", &[("tokens", 1)]);
    let response = world.client().await.check(client_asks).await.unwrap().into_inner();
    let status = response.precondition.unwrap().status.unwrap();
    assert_eq!((status.code, status.message.as_str()), (code::PERMISSION_DENIED, "h.istio-system:not you"));
    assert!(status.details.is_empty());
    assert!(response.quotas.is_empty(), "nothing is taken of a quota for a request that is refused");
    world.end().await;
}

#[tokio::test]
async fn quotas_are_answered_by_name() {
    let world = World::new().await;
    let granted = QuotaResult {
        amount: 3,
        valid_duration: std::time::Duration::from_millis(1500),
        ..Default::default()
    };
    world.recorder.script(HANDLER, |script| script.quota = Ok(granted));
    let request = quota_request("source.user=bob", &[("tokens", 5), ("unknown", 7)]);
    let response = world.client().await.check(request).await.unwrap().into_inner();
    let tokens = &response.quotas["tokens"];
    assert_eq!(tokens.granted_amount, 3);
    assert_eq!(tokens.valid_duration, Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }));
    assert_eq!(tokens.status.as_ref().unwrap().code, code::OK);
    let read = resolve_matches(tokens.referenced_attributes.as_ref().unwrap());
    assert!(read.iter().any(|m| m.attribute == "source.user"));
    assert_eq!(response.quotas["unknown"].granted_amount, 7);
    let calls = world.recorder.take_calls();
    let quota = calls.iter().find(|call| call.method == "quota").unwrap();
    assert_eq!((quota.amount, quota.best_effort, quota.dedup_id.as_str()), (5, true, "idtokens"));
    world.end().await;
}

#[tokio::test]
async fn only_words_that_the_caller_knows_are_used() {
    let world = World::new().await;
    let mut client = world.client().await;
    for (known, some_are_spelled_out) in [(0, true), (222, false)] {
        let request = CheckRequest { global_word_count: known, ..check_request("destination.namespace=x") };
        let response = client.check(request).await.unwrap().into_inner();
        let words = response.precondition.unwrap().referenced_attributes.unwrap().words;
        assert_eq!(!words.is_empty(), some_are_spelled_out, "{words:?}");
    }
    world.end().await;
}

/// The code and a part of the text of a check that gets no answer.
async fn check_failure(world: &World, request: CheckRequest, code: Code, text: &str) {
    let status = world.client().await.check(request).await.unwrap_err();
    assert_eq!(status.code(), code, "{status:?}");
    assert!(status.message().contains(text), "{status:?}");
}

#[tokio::test]
async fn a_failed_handler_is_unavailable_and_in_compatibility_mode_internal() {
    let failed = HandlerError::new(ErrorKind::Failed, "the list is gone");
    let cases = [
        (options(), Code::Unavailable, "performing check operation failed: the list is gone"),
        (
            compat(),
            Code::Internal,
            "performing check operation failed: 1 error occurred:\n\t* the list is gone\n\n",
        ),
    ];
    for (options, code, text) in cases {
        let world = World::start(options, CONFIG).await;
        world.recorder.script(HANDLER, |script| script.check = Err(failed.clone()));
        check_failure(&world, check_request(""), code, text).await;
        world.end().await;
    }
}

#[tokio::test]
async fn attributes_that_cannot_be_read_are_refused_by_name_and_counted() {
    let world = World::new().await;
    let mut request = check_request("request.path=/a");
    request.attributes.as_mut().unwrap().strings.insert(7, 9999);
    check_failure(&world, request, Code::InvalidArgument, "9999").await;
    assert_eq!(world.metric("mixer_api_unreadable_bags_total{reason=\"undefined_index\"}").await, Some(1.0));
    assert!(world.recorder.take_calls().is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_newer_dictionary_is_refused() {
    let world = World::new().await;
    let request = CheckRequest { global_word_count: 223, ..check_request("") };
    check_failure(&world, request, Code::Internal, "mixer knows 222 words, caller knows 223").await;
    world.end().await;
}

#[tokio::test]
async fn a_panic_of_an_adapter_is_an_answer_to_one_call_only() {
    let world = World::new().await;
    world.recorder.script(HANDLER, |script| script.panic = true);
    check_failure(&world, check_request(""), Code::Unavailable, "panicked").await;
    world.recorder.script(HANDLER, |script| script.panic = false);
    world.check("").await.unwrap();
    world.end().await;
}
