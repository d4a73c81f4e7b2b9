//! Stock Envoy without any retry: ext_authz before each request of one port, and the Mixer API through the other one, both to
//! whatever addresses the name of `mixs` has.

use std::path::Path;

use serde_json::{Value, json};

use super::cluster::host;

/// Where it answers requests, if `mixs` lets them pass.
pub(crate) const HTTP_PORT: u16 = 8080;
/// Where it passes the Mixer API on.
pub(crate) const GRPC_PORT: u16 = 9090;
pub(crate) const ADMIN_PORT: u16 = 9901;

/// Its arguments; its configuration is written into the folder.
pub(crate) fn arguments(folder: &Path) -> Vec<String> {
    let config = folder.join("envoy.json");
    std::fs::write(&config, serde_json::to_string_pretty(&bootstrap()).unwrap()).unwrap();
    let text =
        format!("--config-path {} --log-level warn --use-dynamic-base-id --concurrency 2", config.display());
    text.split(' ').map(str::to_owned).collect()
}

fn bootstrap() -> Value {
    let answer = json!({
        "match": { "prefix": "/" },
        "direct_response": { "status": 200, "body": { "inline_string": "hello" } },
    });
    let pass_on = json!({ "match": { "prefix": "/" }, "route": { "cluster": "mixer", "timeout": "20s" } });
    let authorization = json!({
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            "grpc_service": { "envoy_grpc": { "cluster_name": "mixer" }, "timeout": "20s" },
        },
    });
    json!({
        "node": { "id": "sidecar~10.77.0.2~load-0.load~load.svc.cluster.local", "cluster": "load.load" },
        "admin": { "address": address("0.0.0.0", ADMIN_PORT) },
        "static_resources": {
            "listeners": [
                listener("http", HTTP_PORT, &answer, &[authorization]),
                listener("grpc", GRPC_PORT, &pass_on, &[]),
            ],
            "clusters": [{
                "name": "mixer",
                "type": "STRICT_DNS",
                "connect_timeout": "5s",
                "dns_lookup_family": "V4_ONLY",
                "dns_refresh_rate": "1s",
                "typed_extension_protocol_options": {
                    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                        "explicit_http_config": { "http2_protocol_options": {} },
                    },
                },
                "load_assignment": {
                    "cluster_name": "mixer",
                    "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address(&host("mixs"), 9091) } }] }],
                },
            }],
        },
    })
}

fn listener(name: &str, port: u16, route: &Value, filters: &[Value]) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
    });
    let filters: Vec<&Value> = filters.iter().chain([&router]).collect();
    json!({
        "name": name,
        "address": address("0.0.0.0", port),
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": name,
                "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] },
                "http_filters": filters,
            },
        }] }],
    })
}

fn address(host: &str, port: u16) -> Value {
    json!({ "socket_address": { "address": host, "port_value": port } })
}
