//! Report: every bag that can be read is dispatched, and the answer says when nothing was.

use mixer_adapter_api::{ErrorKind, HandlerError};
use mixer_proto::mixer::v1::ReportRequest;
use tonic::Code;

use crate::support::{CONFIG, HANDLER, World, attributes, compat, report_request};

/// What the handler received, sorted.
fn texts(world: &World) -> Vec<String> {
    let mut texts: Vec<_> = world.recorder.take_calls().iter().flat_map(|call| call.texts()).collect();
    texts.sort();
    texts
}

/// A bag with a value that no word list has.
fn broken(request: &mut ReportRequest, bag: usize) {
    request.attributes[bag].strings.insert(7, 9999);
}

#[tokio::test]
async fn all_bags_are_one_call() {
    let world = World::new().await;
    world.report(report_request(&["request.path=/a", "request.path=/b", ""])).await.unwrap();
    let calls = world.recorder.take_calls();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].method, calls[0].texts().len()), ("report", 3));
    world.end().await;
}

#[tokio::test]
async fn deltas_build_on_the_bag_before() {
    let world = World::new().await;
    let request = ReportRequest {
        attributes: vec![
            attributes("request.path=/a source.user=x"),
            attributes(""),
            attributes("request.path=/b"),
        ],
        ..ReportRequest::default()
    };
    world.report(request).await.unwrap();
    assert_eq!(texts(&world), ["/a", "/a", "/b"]);
    world.end().await;
}

#[tokio::test]
async fn unknown_semantics_dispatch_nothing_and_are_no_error() {
    let world = World::new().await;
    let request = ReportRequest { repeated_attributes_semantics: 7, ..report_request(&["request.path=/a"]) };
    world.report(request).await.unwrap();
    assert!(texts(&world).is_empty());
    assert_eq!(
        world.metric("mixer_api_unreadable_bags_total{reason=\"unknown_semantics\"}").await,
        Some(1.0)
    );
    world.report(ReportRequest::default()).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_bad_bag_keeps_no_other_one_back() {
    let world = World::new().await;
    let mut request = report_request(&["request.path=/a", "request.path=/b", "request.path=/c"]);
    broken(&mut request, 1);
    world.report(request).await.unwrap();
    assert_eq!(texts(&world), ["/a", "/c"]);
    assert_eq!(world.metric("mixer_api_unreadable_bags_total{reason=\"undefined_index\"}").await, Some(1.0));
    world.end().await;
}

#[tokio::test]
async fn nothing_but_bad_bags_is_an_error() {
    let world = World::new().await;
    let mut request = report_request(&["request.path=/a"]);
    broken(&mut request, 0);
    let status = world.report(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("9999"), "{status:?}");
    world.end().await;
}

#[tokio::test]
async fn a_report_fails_when_no_handler_took_anything() {
    let world = World::new().await;
    let failed = HandlerError::new(ErrorKind::Failed, "the disk is full");
    world.recorder.script(HANDLER, |script| script.report = Err(failed));
    let status = world.report(report_request(&["", ""])).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("the disk is full"), "{status:?}");
    world.end().await;
}

#[tokio::test]
async fn no_rule_is_no_error() {
    let world = World::start(crate::support::options(), "handler h {compiledAdapter: recording}").await;
    world.report(report_request(&["request.path=/a"])).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn compatibility_mode_lists_every_error_and_dispatches_the_rest() {
    let world = World::start(compat(), CONFIG).await;
    let mut request = ReportRequest {
        attributes: vec![attributes("request.path=/a"), attributes(""), attributes("request.path=/c")],
        ..ReportRequest::default()
    };
    broken(&mut request, 1);
    let status = world.report(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    assert!(status.message().starts_with("1 error occurred:\n\t* "), "{status:?}");
    assert_eq!(texts(&world), ["/a", "/c"]);
    world.end().await;
}

#[tokio::test]
async fn what_a_caller_sent_is_reported_although_it_went_away() {
    let world = World::new().await;
    let gate = crate::support::gate(&world.recorder);
    let mut client = world.client().await;
    let call = tokio::spawn(async move { client.report(report_request(&["request.path=/a"])).await });
    crate::support::called(&world.recorder).await;
    call.abort();
    // The handler is still being waited for: the server ends only when it has answered.
    world.stop.request();
    world.stop.request();
    assert!(!world.running.is_finished());
    gate.notify_one();
    world.running.await.unwrap().unwrap();
}
