//! The raw Mixer service answers typed clients, and the typed one answers raw clients.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use http::uri::PathAndQuery;
use mixer_proto::mixer::v1::{
    CheckRequest, CheckResponse, CompressedAttributes, ReportRequest, ReportResponse, check_response,
};
use mixer_rpc::mixer::v1::mixer_client::MixerClient;
use mixer_rpc::mixer::v1::mixer_server::{Mixer, MixerServer};
use mixer_rpc::raw::{self, CHECK_PATH, MixerService, REPORT_PATH, RawMixer};
use prost::Message as _;
use tonic::client::Grpc;
use tonic::server::NamedService as _;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};

use crate::loopback::Loopback;

fn check_request() -> CheckRequest {
    let attributes = CompressedAttributes {
        words: vec!["word".into()],
        strings: BTreeMap::from([(17, -1)]),
        ..Default::default()
    };
    CheckRequest {
        attributes: Some(attributes),
        global_word_count: 222,
        deduplication_id: "id".into(),
        quotas: BTreeMap::new(),
    }
}

fn check_response() -> CheckResponse {
    let precondition = check_response::PreconditionResult { valid_use_count: 7, ..Default::default() };
    CheckResponse { precondition: Some(precondition), ..Default::default() }
}

/// Answers every Check alike, refuses every Report, and keeps what it was sent.
#[derive(Default)]
struct Recorder(Mutex<Vec<Bytes>>);

impl RawMixer for Recorder {
    async fn check(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
        let echoed = request.metadata().get("x-echo").cloned();
        self.0.lock().unwrap().push(request.into_inner());
        let mut response = Response::new(check_response().encode_to_vec().into());
        if let Some(value) = echoed {
            response.metadata_mut().insert("x-echo", value);
        }
        Ok(response)
    }

    async fn report(&self, _: Request<Bytes>) -> Result<Response<Bytes>, Status> {
        Err(Status::resource_exhausted("too much to tell"))
    }
}

/// Answers as the recorder does, typed.
struct Typed;

#[tonic::async_trait]
impl Mixer for Typed {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        assert_eq!(request.into_inner(), check_request());
        Ok(Response::new(check_response()))
    }

    async fn report(&self, _: Request<ReportRequest>) -> Result<Response<ReportResponse>, Status> {
        Ok(Response::new(ReportResponse {}))
    }
}

#[tokio::test]
async fn typed_client_of_the_raw_service() {
    let recorder = std::sync::Arc::new(Recorder::default());
    let service = MixerService::from_arc(recorder.clone());
    let server = Loopback::serve(Routes::new(service)).await;
    let mut client = MixerClient::new(server.channel.clone());

    let mut request = Request::new(check_request());
    request.metadata_mut().insert("x-echo", "here".parse().unwrap());
    let response = client.check(request).await.expect("an answer");
    assert_eq!(response.metadata().get("x-echo").expect("echoed"), "here");
    assert_eq!(response.into_inner(), check_response());
    assert_eq!(*recorder.0.lock().unwrap(), [Bytes::from(check_request().encode_to_vec())]);

    let status = client.report(ReportRequest::default()).await.expect_err("refused");
    assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "too much to tell"));
}

#[tokio::test]
async fn raw_client_of_the_typed_service() {
    let server = Loopback::serve(Routes::new(MixerServer::new(Typed))).await;
    let mut client = Grpc::new(server.channel.clone());

    let request = Request::new(Bytes::from(check_request().encode_to_vec()));
    let response = raw::unary(&mut client, PathAndQuery::from_static(CHECK_PATH), request).await;
    assert_eq!(response.expect("an answer").into_inner(), check_response().encode_to_vec());

    // Neither message has any bytes.
    let request = Request::new(Bytes::new());
    let response = raw::unary(&mut client, PathAndQuery::from_static(REPORT_PATH), request).await;
    assert_eq!(response.expect("an answer").into_inner(), Bytes::new());
}

#[tokio::test]
async fn other_paths_are_unimplemented() {
    let server = Loopback::serve(Routes::new(MixerService::new(Recorder::default()))).await;
    let mut client = Grpc::new(server.channel.clone());
    for path in ["/istio.mixer.v1.Mixer/Quota", "/istio.mixer.v2.Mixer/Check"] {
        let path = PathAndQuery::from_static(path);
        let status = raw::unary(&mut client, path, Request::new(Bytes::new())).await.expect_err("refused");
        assert_eq!(status.code(), Code::Unimplemented);
    }
}

#[test]
fn paths_belong_to_the_service() {
    for path in [CHECK_PATH, REPORT_PATH] {
        assert!(path.starts_with(&format!("/{}/", MixerService::<Recorder>::NAME)));
    }
}
