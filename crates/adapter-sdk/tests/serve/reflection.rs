//! Reflection tells every service of the port, and the messages of each.

use tokio_stream::StreamExt as _;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::toy::{Running, run};

async fn ask(running: &Running, question: MessageRequest) -> MessageResponse {
    let mut client = ServerReflectionClient::new(running.channel.clone());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    answers.next().await.unwrap().unwrap().message_response.unwrap()
}

#[tokio::test]
async fn services_and_their_messages_are_told() {
    let running = run().await;
    let MessageResponse::ListServicesResponse(list) =
        ask(&running, MessageRequest::ListServices(String::new())).await
    else {
        panic!("another answer")
    };
    let mut names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "adapter.template.kubernetes.HandleKubernetesService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
            "istio.mixer.adapter.model.v1beta1.InfrastructureBackend",
            "listentry.HandleListEntryService",
            "metric.HandleMetricService",
            "quota.HandleQuotaService",
        ],
        "the template without a descriptor is served, but cannot be told"
    );
    for symbol in ["metric.InstanceMsg", "istio.mixer.adapter.model.v1beta1.CreateSessionRequest"] {
        let question = MessageRequest::FileContainingSymbol(symbol.to_owned());
        assert!(
            matches!(ask(&running, question).await, MessageResponse::FileDescriptorResponse(_)),
            "{symbol}"
        );
    }
}
