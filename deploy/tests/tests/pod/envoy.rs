//! Stock Envoy: asks `mixs` before each request, answers it, and tells `mixs` about it.

use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

/// Nobody else is in the namespace.
pub(crate) const PORT: u16 = 8080;
pub(crate) const ADMIN: u16 = 8081;

const TRACING: [&str; 3] = ["x-b3-sampled", "x-b3-traceid", "x-b3-spanid"];

/// The command that runs it, with these replicas of `mixs`.
pub(crate) fn command(program: &Path, folder: &Path, servers: &[Ipv4Addr]) -> Command {
    let config = folder.join("envoy.json");
    std::fs::write(&config, serde_json::to_string_pretty(&bootstrap(servers)).unwrap()).unwrap();
    let mut command = Command::new(program);
    command.arg("--config-path").arg(&config).args(["--log-level", "warn", "--use-dynamic-base-id"]);
    command.args(["--concurrency", "2"]);
    command
}

fn bootstrap(servers: &[Ipv4Addr]) -> Value {
    let localhost = Ipv4Addr::LOCALHOST;
    let endpoints: Vec<Value> =
        servers.iter().map(|server| json!({ "endpoint": { "address": address(*server, 9091) } })).collect();
    json!({
        "node": { "id": "sidecar~127.0.0.1~shop-0.shop~shop.svc.cluster.local", "cluster": "shop.shop",
                  "metadata": { "NAME": "shop-0", "NAMESPACE": "shop", "WORKLOAD_NAME": "shop",
                                "LABELS": { "app": "shop", "version": "v1" } } },
        "admin": { "address": address(localhost, ADMIN) },
        "static_resources": {
            "listeners": [{ "name": "http", "address": address(localhost, PORT),
                            "filter_chains": [{ "filters": [connection_manager()] }] }],
            "clusters": [{
                "name": "mixer",
                "connect_timeout": "5s",
                "type": "STATIC",
                "typed_extension_protocol_options": {
                    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                        "explicit_http_config": { "http2_protocol_options": {} },
                    },
                },
                "load_assignment": { "cluster_name": "mixer", "endpoints": [{ "lb_endpoints": endpoints }] },
            }],
        },
    })
}

fn connection_manager() -> Value {
    let mixer = json!({ "envoy_grpc": { "cluster_name": "mixer" }, "timeout": "30s" });
    let answers = |path: &str, status: u16| json!({ "match": { "prefix": path }, "direct_response": { "status": status, "body": { "inline_string": "done" } } });
    json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "shop",
            "access_log": [{
                "name": "envoy.access_loggers.http_grpc",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
                    "common_config": { "log_name": "mixer", "transport_api_version": "V3",
                                       "buffer_flush_interval": "0.1s", "grpc_service": mixer },
                    "additional_request_headers_to_log": TRACING,
                },
            }],
            "route_config": { "virtual_hosts": [
                { "name": "all", "domains": ["*"], "routes": [answers("/fails", 503), answers("/", 200)] },
            ] },
            "http_filters": [
                { "name": "envoy.filters.http.ext_authz",
                  "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
                    "transport_api_version": "V3", "grpc_service": mixer } },
                { "name": "envoy.filters.http.router",
                  "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } },
            ],
        },
    })
}

fn address(host: Ipv4Addr, port: u16) -> Value {
    json!({ "socket_address": { "address": host.to_string(), "port_value": port } })
}
