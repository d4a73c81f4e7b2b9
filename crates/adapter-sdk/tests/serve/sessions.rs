//! Callers that work with sessions can check a configuration, make a session of it and end it.

use std::sync::atomic::Ordering;

use mixer_proto::adapter::v1beta1 as model;
use mixer_rpc::adapter::v1beta1::infrastructure_backend_client::InfrastructureBackendClient;

use super::toy::{check, mode, run};

#[tokio::test]
async fn validate_tells_every_problem_and_builds_nothing() {
    let running = run().await;
    let mut client = InfrastructureBackendClient::new(running.channel.clone());
    let mut validate = async |config| {
        let request = model::ValidateRequest { adapter_config: config, inferred_types: [].into() };
        client.validate(request).await.map(|response| response.into_inner().status.unwrap())
    };
    assert_eq!(validate(mode("fine")).await.unwrap().code, 0);
    let status = validate(mode("invalid")).await.unwrap();
    assert_eq!(status.code, 3);
    assert_eq!(status.message, "a: is missing; b[2]: must be positive");
    assert_eq!(validate(mode("panic")).await.unwrap_err().code(), tonic::Code::Internal);
    assert_eq!(running.toy.builds.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_session_has_a_handler_until_it_is_closed() {
    let running = run().await;
    let mut client = InfrastructureBackendClient::new(running.channel.clone());
    let inferred = prost_types::Any { type_url: "metric.Type".into(), value: vec![8, 1] };
    let request = model::CreateSessionRequest {
        adapter_config: mode("fine"),
        inferred_types: [("m.instance.ns".to_owned(), inferred)].into(),
    };
    let created = client.create_session(request).await.unwrap().into_inner();
    assert_eq!(created.status.unwrap().code, 0);
    {
        let specs = running.toy.specs.lock();
        let instance = &specs[0].instances[0];
        assert_eq!((&*instance.name, &*instance.template), ("m.instance.ns", "metric"));
        assert_eq!(&*instance.inferred_type, [8, 1]);
    }

    let session = prost_types::Any {
        type_url: "google.protobuf.Any.type_url".into(),
        value: created.session_id.clone().into_bytes(),
    };
    check(&running.channel, "ok", Some(session.clone())).await.unwrap();
    assert_eq!(running.toy.builds.load(Ordering::SeqCst), 1, "the session's handler is the one that serves");

    let close = model::CloseSessionRequest { session_id: created.session_id };
    let closed = client.close_session(close.clone()).await.unwrap().into_inner();
    assert_eq!(closed.status.unwrap().code, 0);
    let error = check(&running.channel, "ok", Some(session)).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::NotFound);
    let again = client.close_session(close).await.unwrap().into_inner();
    assert_eq!(again.status.unwrap().code, 5);
}

#[tokio::test]
async fn a_session_of_a_wrong_configuration_is_not_made() {
    let running = run().await;
    let mut client = InfrastructureBackendClient::new(running.channel.clone());
    let mut create = async |config| {
        let request = model::CreateSessionRequest { adapter_config: config, inferred_types: [].into() };
        client.create_session(request).await.unwrap().into_inner()
    };
    let response = create(mode("invalid")).await;
    assert_eq!((response.session_id.as_str(), response.status.unwrap().code), ("", 3));
    let response = create(mode("unbuildable")).await;
    assert_eq!((response.session_id.as_str(), response.status.unwrap().code), ("", 14));
}
