//! A handler is built once for each configuration that calls carry; what is wrong with one is told in full.

use std::sync::atomic::Ordering;

use super::toy::{check, mode, run};

#[tokio::test]
async fn calls_with_the_same_configuration_share_a_handler() {
    let running = run().await;
    let calls = (0..8).map(|_| check(&running.channel, "ok", mode("a")));
    for result in futures::future::join_all(calls).await {
        result.unwrap();
    }
    assert_eq!(running.toy.builds.load(Ordering::SeqCst), 1);
    check(&running.channel, "ok", mode("b")).await.unwrap();
    check(&running.channel, "ok", None).await.unwrap();
    check(&running.channel, "ok", mode("a")).await.unwrap();
    assert_eq!(running.toy.builds.load(Ordering::SeqCst), 3);
    let specs = running.toy.specs.lock();
    assert!(specs.iter().all(|spec| spec.instances.is_empty() && &*spec.name == "toy"), "{specs:?}");
}

#[tokio::test]
async fn every_problem_of_a_configuration_is_told() {
    let running = run().await;
    for _ in 0..2 {
        let error = check(&running.channel, "ok", mode("invalid")).await.unwrap_err();
        assert_eq!(error.code(), tonic::Code::InvalidArgument);
        assert!(error.message().ends_with("a: is missing; b[2]: must be positive"), "{error}");
    }
    assert_eq!(running.toy.builds.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn bytes_that_are_no_configuration_are_told() {
    let running = run().await;
    let broken = prost_types::Any { value: vec![0x0a, 0x7f], ..mode("").unwrap() };
    let error = check(&running.channel, "ok", Some(broken)).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::InvalidArgument);
    assert!(error.message().contains("cannot be decoded"), "{error}");
}

#[tokio::test]
async fn the_configuration_of_another_adapter_is_refused() {
    let running = run().await;
    let other = prost_types::Any { type_url: "type.googleapis.com/other.Params".into(), value: vec![] };
    let error = check(&running.channel, "ok", Some(other)).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::InvalidArgument);
    assert!(error.message().contains("is a other.Params, but adapter toy takes toy.Params"), "{error}");
}

#[tokio::test]
async fn a_handler_that_cannot_be_built_is_unavailable() {
    let running = run().await;
    let error = check(&running.channel, "ok", mode("unbuildable")).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::Unavailable);
    assert!(error.message().contains("port 1 is taken"), "{error}");
    let error = check(&running.channel, "ok", mode("panic")).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::Unavailable, "a panic while building is contained");
}
