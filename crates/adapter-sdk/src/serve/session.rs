//! `InfrastructureBackend`: for callers that check a configuration before they use it, or make a session of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use mixer_adapter_api::InstanceInfo;
use mixer_adapter_api::code;
use mixer_proto::adapter::v1beta1 as model;
use mixer_proto::google::rpc;
use prost::Message;
use prost_types::Any;
use tonic::Status;

use super::handlers::{Handlers, NotBuilt};
use super::request::RawAny;
use crate::params::join;
use crate::templates::TemplateService;

/// Full name of the service.
pub(super) const SERVICE: &str = "istio.mixer.adapter.model.v1beta1.InfrastructureBackend";

/// Answers the methods of the service.
pub(super) struct Sessions {
    handlers: Arc<Handlers>,
    templates: Vec<TemplateService>,
    last_id: AtomicU64,
    /// Tells the sessions of this process from those of an earlier one.
    process: u64,
}

impl Sessions {
    pub(super) fn new(handlers: Arc<Handlers>, templates: Vec<TemplateService>) -> Self {
        let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let process = started.map_or(0, |since| since.as_nanos() as u64);
        Self { handlers, templates, last_id: AtomicU64::new(0), process }
    }

    pub(super) fn validate(&self, request: &Bytes) -> Result<Bytes, Status> {
        let request: model::ValidateRequest = decode(request)?;
        let config = request.adapter_config.map(raw);
        let problems = self.handlers.validate(config.as_ref(), self.instances(request.inferred_types));
        let status = match problems.as_slice() {
            [] => rpc::Status::default(),
            problems => status(code::INVALID_ARGUMENT, join(problems)),
        };
        Ok(encode(&model::ValidateResponse { status: Some(status) }))
    }

    pub(super) async fn create(&self, request: &Bytes) -> Result<Bytes, Status> {
        let request: model::CreateSessionRequest = decode(request)?;
        let id = format!("{:x}-{}", self.process, self.last_id.fetch_add(1, Ordering::Relaxed));
        let config = request.adapter_config.map(raw);
        let instances = self.instances(request.inferred_types);
        let response = match self.handlers.create_session(&id, config.as_ref(), instances).await {
            Ok(()) => model::CreateSessionResponse { session_id: id, status: Some(rpc::Status::default()) },
            Err(error) => {
                let status = match error {
                    NotBuilt::Invalid(problems) => status(code::INVALID_ARGUMENT, problems),
                    NotBuilt::Failed(error) => status(code::UNAVAILABLE, error),
                };
                model::CreateSessionResponse { session_id: String::new(), status: Some(status) }
            }
        };
        Ok(encode(&response))
    }

    pub(super) fn close(&self, request: &Bytes) -> Result<Bytes, Status> {
        let request: model::CloseSessionRequest = decode(request)?;
        let status = match self.handlers.close_session(&request.session_id) {
            true => rpc::Status::default(),
            false => status(code::NOT_FOUND, format!("there is no session {}", request.session_id)),
        };
        Ok(encode(&model::CloseSessionResponse { status: Some(status) }))
    }

    /// The instances that the inferred types speak of: the type `metric.Type` belongs to template `metric`.
    fn instances(&self, inferred_types: BTreeMap<String, Any>) -> Vec<InstanceInfo> {
        let template_of = |type_url: &str| {
            let name = type_url.rsplit('/').next().unwrap_or_default();
            let package = name.rsplit_once('.').map_or(name, |(package, _)| package);
            let service = self.templates.iter().find(|service| service.package() == package);
            service.map_or(package, |service| service.template).into()
        };
        inferred_types
            .into_iter()
            .map(|(name, inferred)| InstanceInfo {
                name: name.into(),
                template: template_of(&inferred.type_url),
                inferred_type: inferred.value.into(),
            })
            .collect()
    }
}

fn raw(any: Any) -> RawAny {
    RawAny { type_url: any.type_url, value: any.value.into() }
}

fn status(code: i32, message: String) -> rpc::Status {
    rpc::Status { code, message, details: Vec::new() }
}

fn decode<M: Message + Default>(bytes: &Bytes) -> Result<M, Status> {
    M::decode(bytes.clone()).map_err(|error| Status::invalid_argument(error.to_string()))
}

fn encode<M: Message>(message: &M) -> Bytes {
    message.encode_to_vec().into()
}
