//! The recording adapter as a gRPC server, which can be killed and started again at the same address.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mixer_adapter_api::{CheckResult, ErrorKind, HandlerError};
use mixer_proto::adapter::v1beta1 as proto;
use mixer_proto::google::rpc;
use mixer_rpc::raw::HandlerService;
use prost::Message;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;
use tonic::{Request, Status};

use crate::event::Named;
use crate::{Event, Recorded, Recorder, Script};

/// The longest that the end of a killed adapter may take.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// How a method answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `CheckResult`.
    Check,
    /// `ReportResult`.
    Report,
    /// `QuotaResult`.
    Quota,
    /// `OutputMsg`.
    Generate,
    /// `Handle<Template>Response`.
    CheckWithOutput,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Report => "report",
            Self::Quota => "quota",
            Self::Generate => "generate",
            Self::CheckWithOutput => "check_with_output",
        }
    }
}

/// A gRPC adapter on a loopback port. It lives in a runtime of its own, so that killing it cuts every connection.
#[derive(Debug)]
pub struct GrpcAdapter {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    runtime: Option<tokio::runtime::Runtime>,
}

/// What every handler request looks like.
#[derive(Clone, PartialEq, Message)]
struct HandlerRequest {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    instances: Vec<Bytes>,
    #[prost(message, optional, tag = "2")]
    adapter_config: Option<prost_types::Any>,
    #[prost(string, tag = "3")]
    dedup_id: String,
    #[prost(message, optional, tag = "4")]
    quota_request: Option<proto::QuotaRequest>,
}

#[derive(Clone, PartialEq, Message)]
struct OutputResponse {
    #[prost(message, optional, tag = "1")]
    result: Option<proto::CheckResult>,
    #[prost(bytes = "bytes", tag = "2")]
    output: Bytes,
}

impl GrpcAdapter {
    /// Serves these paths at a free port, recording under `name` and answering by its script.
    ///
    /// # Errors
    /// The socket or the runtime cannot be made.
    pub fn start(recorder: &Recorder, name: &str, methods: &[(&str, Method)]) -> io::Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), recorder, name, methods)
    }

    /// The same at a given address, such as that of an adapter that was killed.
    ///
    /// # Errors
    /// The socket or the runtime cannot be made.
    pub fn start_at(
        address: SocketAddr,
        recorder: &Recorder,
        name: &str,
        methods: &[(&str, Method)],
    ) -> io::Result<Self> {
        let mut service = HandlerService::new();
        for (path, method) in methods {
            let (recorder, name, method) = (recorder.clone(), name.to_owned(), *method);
            let template = path.split(['/', '.']).nth(1).unwrap_or_default().to_owned();
            service = service.method(*path, move |request| {
                let place =
                    Place { recorder: recorder.clone(), name: name.clone(), template: template.clone() };
                answer(place, method, request)
            });
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let entered = runtime.enter();
        let socket = std::net::TcpListener::bind(address)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(socket)?;
        drop(entered);
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        let incoming = TcpListenerStream::new(listener).map(move |connection| {
            counter.fetch_add(1, Ordering::SeqCst);
            connection
        });
        let routes = service.mount(Routes::default());
        runtime.spawn(tonic::transport::Server::builder().add_routes(routes).serve_with_incoming(incoming));
        Ok(Self { address, connections, runtime: Some(runtime) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for GrpcAdapter {
    /// Cuts every connection and frees the port before it returns.
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // A runtime may only wait for its end outside of another one.
        let end = std::thread::spawn(move || runtime.shutdown_timeout(END_TIMEOUT));
        drop(end.join());
    }
}

struct Place {
    recorder: Recorder,
    name: String,
    template: String,
}

async fn answer(place: Place, method: Method, request: Request<Bytes>) -> Result<Bytes, Status> {
    let message = HandlerRequest::decode(request.into_inner())
        .map_err(|error| Status::invalid_argument(error.to_string()))?;
    let named = |bytes: &Bytes| (Named::decode(bytes.clone()).unwrap_or_default().name, bytes.clone());
    let quota = message.quota_request.as_ref().and_then(|quota| quota.quotas.iter().next());
    let recorded = Recorded {
        handler: place.name.clone(),
        method: method.name(),
        template: place.template,
        instances: message.instances.iter().map(named).collect(),
        deadline: None,
        amount: quota.map(|(_, params)| params.amount).unwrap_or_default(),
        best_effort: quota.is_some_and(|(_, params)| params.best_effort),
        dedup_id: message.dedup_id.clone(),
        adapter_config: message.adapter_config.map(|any| (any.type_url, any.value.into())),
    };
    place.recorder.record(Event::Called(recorded));
    let script = place.recorder.script_of(&place.name);
    script.before().await;
    let quota = quota.map(|(name, _)| name.clone());
    respond(method, script, quota).map_err(status)
}

fn respond(method: Method, script: Script, quota: Option<String>) -> Result<Bytes, HandlerError> {
    let bytes = match method {
        Method::Check => check(script.check?).encode_to_vec(),
        Method::Report => {
            script.report?;
            proto::ReportResult {}.encode_to_vec()
        }
        Method::Quota => {
            let result = script.quota?;
            let result = proto::quota_result::Result {
                valid_duration: result.valid_duration.try_into().ok(),
                granted_amount: result.amount,
                status: Some(rpc_status(&result.status)),
            };
            // A quota that was not asked for is one that the caller must not take.
            let name = quota.unwrap_or_default();
            proto::QuotaResult { quotas: [(name, result)].into() }.encode_to_vec()
        }
        Method::Generate => return script.output,
        Method::CheckWithOutput => {
            OutputResponse { result: Some(check(script.check?)), output: script.output? }.encode_to_vec()
        }
    };
    Ok(bytes.into())
}

fn check(result: CheckResult) -> proto::CheckResult {
    proto::CheckResult {
        status: Some(rpc_status(&result.status)),
        valid_duration: result.valid_duration.try_into().ok(),
        valid_use_count: result.valid_use_count,
    }
}

fn rpc_status(status: &mixer_adapter_api::Status) -> rpc::Status {
    let details = status.details.iter();
    rpc::Status {
        code: status.code,
        message: status.message.clone(),
        details: details
            .map(|any| prost_types::Any { type_url: any.type_url.clone(), value: any.value.to_vec() })
            .collect(),
    }
}

fn status(error: HandlerError) -> Status {
    let message = error.message;
    match error.kind {
        ErrorKind::Unavailable => Status::unavailable(message),
        ErrorKind::DeadlineExceeded => Status::deadline_exceeded(message),
        ErrorKind::InvalidArgument => Status::invalid_argument(message),
        ErrorKind::Unimplemented => Status::unimplemented(message),
        _ => Status::internal(message),
    }
}
