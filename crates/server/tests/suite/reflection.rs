//! Reflection, in both versions, knows what is served and nothing else.

use futures::stream;
use prost::Message;
use prost_types::FileDescriptorProto;
use tonic_reflection::pb::{v1, v1alpha};

use crate::support::World;

const SERVICES: [&str; 6] = [
    "envoy.service.accesslog.v3.AccessLogService",
    "envoy.service.auth.v3.Authorization",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "istio.mixer.v1.Mixer",
];

#[tokio::test]
async fn version_1_lists_services_and_serves_their_files() {
    use v1::server_reflection_request::MessageRequest as Ask;
    use v1::server_reflection_response::MessageResponse as Answer;
    let world = World::new().await;
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(world.channel().await);
    let asked =
        [Ask::ListServices(String::new()), Ask::FileContainingSymbol("istio.mixer.v1.Mixer".to_owned())];
    let asked =
        asked.map(|ask| v1::ServerReflectionRequest { host: String::new(), message_request: Some(ask) });
    let mut answers = client.server_reflection_info(stream::iter(asked)).await.unwrap().into_inner();
    let mut next = async || answers.message().await.unwrap().unwrap().message_response.unwrap();
    let Answer::ListServicesResponse(list) = next().await else { panic!("no list") };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(names, SERVICES);
    let Answer::FileDescriptorResponse(files) = next().await else { panic!("no file") };
    let file = FileDescriptorProto::decode(&*files.file_descriptor_proto[0]).unwrap();
    assert_eq!(file.service[0].name(), "Mixer");
    world.end().await;
}

#[tokio::test]
async fn version_1alpha_has_every_imported_file_and_no_adapter_service() {
    use v1alpha::server_reflection_request::MessageRequest as Ask;
    use v1alpha::server_reflection_response::MessageResponse as Answer;
    let world = World::new().await;
    let channel = world.channel().await;
    let ask = async |ask| {
        let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel.clone());
        let request = v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(ask) };
        let mut answers = client.server_reflection_info(stream::iter([request])).await?.into_inner();
        answers.message().await.map(|answer| answer.unwrap().message_response.unwrap())
    };
    let symbol = |symbol: &str| Ask::FileContainingSymbol(symbol.to_owned());
    let mut open: Vec<Ask> = SERVICES.map(symbol).into();
    let mut seen = std::collections::BTreeSet::new();
    while let Some(next) = open.pop() {
        let Answer::FileDescriptorResponse(files) = ask(next.clone()).await.unwrap() else {
            panic!("{next:?}")
        };
        let file = FileDescriptorProto::decode(&*files.file_descriptor_proto[0]).unwrap();
        if seen.insert(file.name().to_owned()) {
            open.extend(file.dependency.into_iter().map(Ask::FileByFilename));
        }
    }
    assert!(seen.len() > SERVICES.len(), "{seen:?}");
    let adapter = ask(symbol("istio.mixer.adapter.model.v1beta1.InfrastructureBackend")).await;
    assert_eq!(adapter.unwrap_err().code(), tonic::Code::NotFound);
    world.end().await;
}
