//! Server reflection: what the port serves, told to tools such as grpcurl.

use tonic::service::Routes;
use tonic_reflection::pb::{v1, v1alpha};
use tonic_reflection::server::{Builder, Error};

use super::session;
use crate::templates::TemplateService;

/// Adds both versions of the reflection service.
pub(super) fn add(routes: Routes, services: &[TemplateService]) -> Result<Routes, Error> {
    Ok(routes.add_service(builder(services).build_v1()?).add_service(builder(services).build_v1alpha()?))
}

fn builder<'a>(services: &[TemplateService]) -> Builder<'a> {
    let mut builder = Builder::configure()
        .include_reflection_service(false)
        .register_encoded_file_descriptor_set(mixer_proto::DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(v1alpha::FILE_DESCRIPTOR_SET)
        .with_service_name(session::SERVICE)
        .with_service_name("grpc.health.v1.Health")
        .with_service_name("grpc.reflection.v1.ServerReflection")
        .with_service_name("grpc.reflection.v1alpha.ServerReflection");
    for service in services {
        // Without a descriptor the service is served all the same, but tools do not know its messages.
        match service.descriptor() {
            Some(descriptor) => {
                builder = builder.register_encoded_file_descriptor_set(descriptor);
                builder = builder.with_service_name(service.service);
            }
            None => tracing::info!(
                service = service.service,
                "the template has no descriptor: reflection does not tell it"
            ),
        }
    }
    builder
}
