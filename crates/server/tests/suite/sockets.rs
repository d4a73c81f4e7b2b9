//! The gRPC port as a socket file.

use hyper_util::rt::TokioIo;
use mixer_listen::ListenAddress;
use mixer_rpc::mixer::v1::mixer_client::MixerClient;
use mixer_server::health_client;
use tonic::transport::{Endpoint, Uri};

use crate::support::{CONFIG, World, check_request, options};

#[tokio::test]
async fn checks_over_a_socket_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mixs.sock");
    let mut options = options();
    options.grpc_address = ListenAddress::Unix(path.clone());
    let world = World::start(options, CONFIG).await;
    assert_eq!(world.grpc.to_string(), format!("unix://{}", path.display()));
    let to = path.clone();
    let connect = tower::service_fn(move |_: Uri| {
        let to = to.clone();
        async move { tokio::net::UnixStream::connect(to).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://localhost").connect_with_connector(connect).await.unwrap();
    MixerClient::new(channel).check(check_request("request.path=/a")).await.unwrap();
    let address = world.grpc.to_string();
    while health_client::check(&address, std::time::Duration::from_secs(10)).await.is_err() {
        tokio::task::yield_now().await;
    }
    world.end().await;
    assert!(!path.exists());
}
