//! Finds out what an adapter offers: what is known of it, what its reflection lists, or which of the shipped templates'
//! methods it answers.

use std::sync::Arc;

use mixer_template::Template;
use prost::Message as _;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use super::catalogue::REACHABLE;
use super::client::{Answer, frame};
use super::report::{CaseResult, Needs, Verdict};
use super::suite::{Stop, Suite, fail};
use super::target::shipped;

const UNIMPLEMENTED: i32 = 12;

/// Completes the suite: services, and the configuration that calls carry.
pub(crate) async fn find(suite: &mut Suite) {
    if suite.services.is_empty() {
        suite.services = reflected(suite).await;
    }
    if suite.services.is_empty() {
        suite.services = tried(suite).await;
    }
    // Params that do not fit are told by the case `configuration`.
    suite.config = suite.target.config().unwrap_or_default();
    if suite.target.session_based
        && let Ok(id) = suite.create_session(suite.config.clone()).await
    {
        suite.config = Some(prost_types::Any { type_url: super::frame::SESSION.into(), value: id.into() });
    }
}

pub(crate) fn unreachable(error: &str) -> CaseResult {
    CaseResult {
        id: REACHABLE,
        template: None,
        sentence: "The adapter takes gRPC calls at its address.",
        needs: Needs::Protocol,
        observed: false,
        verdict: Verdict::Fail(error.to_owned()),
    }
}

/// The shipped templates whose methods are there.
async fn tried(suite: &Suite) -> Vec<Arc<Template>> {
    let mut found = Vec::new();
    for name in mixer_proto::template::NAMES {
        let Ok(template) = shipped(name) else { continue };
        let answer = suite.call_path(template.grpc_path(), &[]).await;
        if answer.is_ok_and(|answer| answer.code != UNIMPLEMENTED) {
            found.push(template);
        }
    }
    found
}

async fn reflected(suite: &Suite) -> Vec<Arc<Template>> {
    let Ok(Some(services)) = services(suite).await else { return Vec::new() };
    let handlers = services.into_iter().filter(|service| {
        service.rsplit('.').next().is_some_and(|name| name.starts_with("Handle") && name.ends_with("Service"))
    });
    let mut templates = Vec::new();
    for service in handlers {
        let Ok(Some(MessageResponse::FileDescriptorResponse(files))) =
            ask(suite, MessageRequest::FileContainingSymbol(service)).await
        else {
            continue;
        };
        // Field 1 of a FileDescriptorSet, once for each file.
        let mut set = Vec::new();
        prost::encoding::bytes::encode_repeated(1, &files.file_descriptor_proto, &mut set);
        if let Ok(template) = Template::from_descriptor_set("", &set) {
            let name = template.template_name().to_lowercase();
            templates.push(Arc::new(template.with_name(&name)));
        }
    }
    templates
}

/// The services that reflection lists; none when there is no reflection.
pub(crate) async fn services(suite: &Suite) -> Result<Option<Vec<String>>, Stop> {
    match ask(suite, MessageRequest::ListServices(String::new())).await? {
        None => Ok(None),
        Some(MessageResponse::ListServicesResponse(list)) => {
            Ok(Some(list.service.into_iter().map(|service| service.name).collect()))
        }
        Some(_) => fail("reflection did not answer with a list of services"),
    }
}

/// One question; none when there is no reflection. Both versions of the protocol have the same messages.
async fn ask(suite: &Suite, question: MessageRequest) -> Result<Option<MessageResponse>, Stop> {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let bytes = request.encode_to_vec();
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let answer: Answer = suite.shared().await?.call_raw(&path, frame(&bytes)).await?;
        if answer.code == UNIMPLEMENTED {
            continue;
        }
        if !answer.is_ok() {
            return fail(format!("reflection answered {}", answer.status()));
        }
        let response = ServerReflectionResponse::decode(answer.body())
            .map_err(|error| format!("the answer is no ServerReflectionResponse: {error}"))?;
        return Ok(response.message_response);
    }
    Ok(None)
}
