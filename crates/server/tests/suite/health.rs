//! The health service says of each service what `/readyz` says.

use mixer_server::health_client;
use std::time::Duration;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::support::World;

const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;

#[tokio::test]
async fn every_service_serves_until_the_server_drains() {
    let world = World::new().await;
    let mut client = HealthClient::new(world.channel().await);
    let services = [
        "",
        "istio.mixer.v1.Mixer",
        "envoy.service.auth.v3.Authorization",
        "envoy.service.accesslog.v3.AccessLogService",
    ];
    let mut all_are = async |expected| {
        for service in services {
            let request = HealthCheckRequest { service: service.to_owned() };
            // The announcement follows readiness by a moment.
            while client.check(request.clone()).await.unwrap().into_inner().status != expected {
                tokio::task::yield_now().await;
            }
        }
    };
    all_are(SERVING).await;
    world.stop.request();
    all_are(NOT_SERVING).await;
    let unknown = HealthCheckRequest { service: "nobody.Knows".to_owned() };
    assert_eq!(client.check(unknown).await.unwrap_err().code(), tonic::Code::NotFound);
    world.end().await;
}

#[tokio::test]
async fn the_probe_client_tells_well_from_not() {
    let world = World::new().await;
    let address = world.grpc.to_string();
    let timeout = Duration::from_secs(10);
    while health_client::check(&address, timeout).await.is_err() {
        tokio::task::yield_now().await;
    }
    health_client::check(&format!("tcp://{address}"), timeout).await.unwrap();
    world.stop.request();
    let error = loop {
        if let Err(error) = health_client::check(&address, timeout).await {
            break error;
        }
    };
    assert!(error.to_string().contains("/readyz"), "{error}");
    world.end().await;
    let error = health_client::check(&address, timeout).await.unwrap_err();
    assert!(error.to_string().contains("cannot connect"), "{error}");
}
