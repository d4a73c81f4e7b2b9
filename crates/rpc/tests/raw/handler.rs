//! Methods in a table answer typed clients, beside typed services and for paths of several services.

use bytes::Bytes;
use http::uri::PathAndQuery;
use mixer_proto::adapter::v1beta1::{CheckResult, ReportResult};
use mixer_proto::template::{checknothing, metric};
use mixer_rpc::raw::{self, HandlerService};
use mixer_rpc::template::checknothing::handle_check_nothing_service_client::HandleCheckNothingServiceClient;
use mixer_rpc::template::metric::handle_metric_service_client::HandleMetricServiceClient;
use mixer_rpc::template::metric::handle_metric_service_server::{
    HandleMetricService, HandleMetricServiceServer,
};
use prost::Message as _;
use tonic::client::Grpc;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};

use crate::loopback::Loopback;

const METRIC: &str = "/metric.HandleMetricService/HandleMetric";
const CHECK_NOTHING: &str = "/checknothing.HandleCheckNothingService/HandleCheckNothing";

fn metric_request() -> metric::HandleMetricRequest {
    let instance = metric::InstanceMsg { name: "m.instance.default".into(), ..Default::default() };
    metric::HandleMetricRequest { instances: vec![instance], dedup_id: "1".into(), ..Default::default() }
}

/// A table with a method of two services each; the second fails unless the caller says who it is.
fn table() -> HandlerService {
    HandlerService::new()
        .method(METRIC, |request: Request<Bytes>| async move {
            assert_eq!(request.get_ref(), &metric_request().encode_to_vec());
            Ok(Bytes::new())
        })
        .method(CHECK_NOTHING, |request: Request<Bytes>| async move {
            match request.metadata().get("x-caller") {
                Some(_) => {
                    let result = CheckResult { valid_use_count: 3, ..Default::default() };
                    Ok(result.encode_to_vec().into())
                }
                None => Err(Status::unauthenticated("who is calling?")),
            }
        })
}

struct TypedMetric;

#[tonic::async_trait]
impl HandleMetricService for TypedMetric {
    async fn handle_metric(
        &self,
        request: Request<metric::HandleMetricRequest>,
    ) -> Result<Response<ReportResult>, Status> {
        assert_eq!(request.into_inner(), metric_request());
        Err(Status::data_loss("from the typed service"))
    }
}

#[tokio::test]
async fn typed_clients_of_the_table() {
    let server = Loopback::serve(table().mount(Routes::default())).await;
    let mut metrics = HandleMetricServiceClient::new(server.channel.clone());
    assert_eq!(metrics.handle_metric(metric_request()).await.unwrap().into_inner(), ReportResult {});

    let mut checks = HandleCheckNothingServiceClient::new(server.channel.clone());
    let message = checknothing::HandleCheckNothingRequest::default();
    let status = checks.handle_check_nothing(message.clone()).await.expect_err("refused");
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "who is calling?"));
    let mut request = Request::new(message);
    request.metadata_mut().insert("x-caller", "mixer".parse().unwrap());
    let result = checks.handle_check_nothing(request).await.expect("an answer").into_inner();
    assert_eq!(result.valid_use_count, 3);
}

#[tokio::test]
async fn typed_service_goes_before_the_table() {
    let routes = Routes::new(HandleMetricServiceServer::new(TypedMetric));
    let server = Loopback::serve(table().mount(routes)).await;
    let mut metrics = HandleMetricServiceClient::new(server.channel.clone());
    let status = metrics.handle_metric(metric_request()).await.expect_err("refused");
    assert_eq!(status.message(), "from the typed service");
    let mut checks = HandleCheckNothingServiceClient::new(server.channel.clone());
    let status = checks.handle_check_nothing(checknothing::HandleCheckNothingRequest::default()).await;
    assert_eq!(status.expect_err("refused").code(), Code::Unauthenticated);
}

#[tokio::test]
async fn raw_client_of_a_typed_service() {
    let server = Loopback::serve(Routes::new(HandleMetricServiceServer::new(TypedMetric))).await;
    let mut client = Grpc::new(server.channel.clone());
    let path: PathAndQuery = METRIC.parse().unwrap();
    let request = Request::new(metric_request().encode_to_vec().into());
    let status = raw::unary(&mut client, path, request).await.expect_err("refused");
    assert_eq!((status.code(), status.message()), (Code::DataLoss, "from the typed service"));
}

#[tokio::test]
async fn other_paths_are_unimplemented() {
    let server = Loopback::serve(table().mount(Routes::default())).await;
    let mut client = Grpc::new(server.channel.clone());
    for path in ["/metric.HandleMetricService/Other", "/quota.HandleQuotaService/HandleQuota", "/"] {
        let status = raw::unary(&mut client, path.parse().unwrap(), Request::new(Bytes::new())).await;
        let status = status.expect_err("refused");
        assert_eq!(status.code(), Code::Unimplemented, "{path}");
        assert!(status.message().contains(path), "{status}");
    }
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let channel =
        tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    let mut client = Grpc::new(channel);
    let path = PathAndQuery::from_static(METRIC);
    let status = raw::unary(&mut client, path, Request::new(Bytes::new())).await.expect_err("refused");
    assert_eq!(status.code(), Code::Unavailable);
}
