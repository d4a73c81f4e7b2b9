//! Stock Envoy in front of the backends: ext_authz before each request, an access log entry after it, both to
//! `mixs`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::Ports;

/// The command that runs it.
pub(crate) fn command(program: &Path, folder: &Path, ports: &Ports) -> anyhow::Result<Command> {
    let config = folder.join("envoy.json");
    fs::write(&config, serde_json::to_string_pretty(&bootstrap(ports))?)?;
    let mut command = Command::new(program);
    command.arg("--config-path").arg(&config).args(["--log-level", "warn", "--use-dynamic-base-id"]);
    command.args(["--concurrency", "2"]);
    Ok(command)
}

fn bootstrap(ports: &Ports) -> Value {
    json!({
        "node": {
            "id": "sidecar~127.0.0.1~demo-0.demo~demo.svc.cluster.local",
            "cluster": "demo.demo",
            "metadata": { "NAME": "demo-0", "NAMESPACE": "demo", "WORKLOAD_NAME": "demo",
                          "LABELS": { "app": "demo", "version": "v1" } },
        },
        "admin": { "address": address(ports.envoy_admin) },
        "static_resources": {
            "listeners": [{
                "name": "http",
                "address": address(ports.envoy),
                "filter_chains": [{ "filters": [connection_manager()] }],
            }],
            "clusters": [
                cluster("backend", &ports.backends, &json!({})),
                cluster("mixer", &[ports.mixer], &json!({
                    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                        "explicit_http_config": { "http2_protocol_options": {} },
                    },
                })),
            ],
        },
    })
}

fn connection_manager() -> Value {
    let mixer = json!({ "envoy_grpc": { "cluster_name": "mixer" }, "timeout": "5s" });
    json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "demo",
            "access_log": [{
                "name": "envoy.access_loggers.http_grpc",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
                    "common_config": {
                        "log_name": "mixer",
                        "transport_api_version": "V3",
                        "buffer_flush_interval": "0.2s",
                        "grpc_service": mixer,
                    },
                },
            }],
            "route_config": {
                "virtual_hosts": [{
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "backend" } }],
                }],
            },
            "http_filters": [
                {
                    "name": "envoy.filters.http.ext_authz",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
                        "transport_api_version": "V3",
                        "grpc_service": mixer,
                    },
                },
                {
                    "name": "envoy.filters.http.router",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                    },
                },
            ],
        },
    })
}

fn cluster(name: &str, ports: &[u16], options: &Value) -> Value {
    let endpoints: Vec<Value> =
        ports.iter().map(|port| json!({ "endpoint": { "address": address(*port) } })).collect();
    json!({
        "name": name,
        "connect_timeout": "1s",
        "type": "STATIC",
        "typed_extension_protocol_options": options,
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": endpoints }] },
    })
}

fn address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}
