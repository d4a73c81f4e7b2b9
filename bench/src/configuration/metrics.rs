//! The four HTTP metrics of a stock mesh, 19 dimensions each, for the Prometheus adapter.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mixer_adapter_sdk::{Adapter as _, ListenAddress};
use mixer_prometheus_adapter::{DEFAULT_PORT, PrometheusAdapter};
use serde_json::{Map, Value, json};

use super::{NAMESPACE, manifest, resource};

/// Where the Prometheus adapter runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Handler {
    /// In the server.
    Hosted,
    /// As a process of its own that listens on this port of loopback.
    Grpc(u16),
    /// The same, as the sample of Istio 1.3, which cannot read durations: it gets a number instead.
    OriginalGrpc(u16),
}

const DIMENSIONS: [(&str, &str); 19] = [
    (
        "reporter",
        r#"conditional((context.reporter.kind | "inbound") == "outbound", "source", "destination")"#,
    ),
    ("source_app", r#"source.labels["app"] | "unknown""#),
    ("source_version", r#"source.labels["version"] | "unknown""#),
    ("source_namespace", r#"source.namespace | "unknown""#),
    ("source_principal", r#"source.principal | "unknown""#),
    ("source_workload", r#"source.workload.name | "unknown""#),
    ("source_workload_namespace", r#"source.workload.namespace | "unknown""#),
    ("destination_app", r#"destination.labels["app"] | "unknown""#),
    ("destination_version", r#"destination.labels["version"] | "unknown""#),
    ("destination_namespace", r#"destination.namespace | "unknown""#),
    ("destination_principal", r#"destination.principal | "unknown""#),
    ("destination_workload", r#"destination.workload.name | "unknown""#),
    ("destination_workload_namespace", r#"destination.workload.namespace | "unknown""#),
    ("destination_service", r#"destination.service.host | "unknown""#),
    ("destination_service_name", r#"destination.service.name | "unknown""#),
    ("destination_service_namespace", r#"destination.service.namespace | "unknown""#),
    ("request_protocol", r#"context.protocol | "unknown""#),
    ("response_code", "response.code | 200"),
    ("connection_mtls", "connection.mtls | false"),
];

/// Metric, instance, kind and value.
const METRICS: [(&str, &str, &str, &str); 4] = [
    ("requests_total", "requestcount", "COUNTER", "1"),
    ("request_duration_seconds", "requestduration", "DISTRIBUTION", r#"response.duration | "0ms""#),
    ("request_bytes", "requestsize", "DISTRIBUTION", "request.size | 0"),
    ("response_bytes", "responsesize", "DISTRIBUTION", "response.size | 0"),
];

const HTTP: &str = r#"(context.protocol == "http" || context.protocol == "grpc") && (match((request.useragent | "-"), "kube-probe*") == false) && (match((request.useragent | "-"), "Prometheus*") == false)"#;

/// Reports become metrics.
pub(crate) fn metrics(handler: Handler) -> Vec<Value> {
    let dimensions: Map<String, Value> =
        DIMENSIONS.iter().map(|(name, expression)| ((*name).to_owned(), json!(expression))).collect();
    let mut resources = vec![manifest(), handler_resource(handler)];
    for (_, instance, _, value) in METRICS {
        let number = matches!(handler, Handler::OriginalGrpc(_)) && value.starts_with("response.duration");
        let value = if number { "response.size | 0" } else { value };
        let params = json!({ "value": value, "dimensions": dimensions });
        resources.push(resource("instance", instance, &spec_of_instance(handler, &params)));
    }
    let instances = METRICS.map(|(_, instance, _, _)| instance);
    let actions = json!([{ "handler": "prometheus", "instances": instances }]);
    resources.push(resource("rule", "http", &json!({ "match": HTTP, "actions": actions })));
    if !matches!(handler, Handler::Hosted) {
        resources.extend(adapter_resources());
    }
    resources
}

fn handler_resource(handler: Handler) -> Value {
    let labels = DIMENSIONS.map(|(name, _)| name);
    let metrics = METRICS.map(|(name, instance, kind, _)| {
        let mut metric = json!({ "name": name, "instance_name": format!("{instance}.instance.{NAMESPACE}"),
                                 "kind": kind, "label_names": labels });
        if name.ends_with("_bytes") {
            let buckets = json!({ "numFiniteBuckets": 8, "scale": 1, "growthFactor": 10 });
            metric["buckets"] = json!({ "exponentialBuckets": buckets });
        }
        metric
    });
    let params = json!({ "metrics": metrics });
    let spec = match handler {
        Handler::Hosted => json!({ "compiledAdapter": "prometheus", "params": params }),
        Handler::Grpc(port) | Handler::OriginalGrpc(port) => {
            let connection = json!({ "address": format!("127.0.0.1:{port}") });
            json!({ "adapter": "prometheus", "connection": connection, "params": params })
        }
    };
    resource("handler", "prometheus", &spec)
}

fn spec_of_instance(handler: Handler, params: &Value) -> Value {
    match handler {
        Handler::Hosted => json!({ "compiledTemplate": "metric", "params": params }),
        Handler::Grpc(_) | Handler::OriginalGrpc(_) => json!({ "template": "metric", "params": params }),
    }
}

/// What a server that has no built-in resources needs to know of the adapter.
fn adapter_resources() -> [Value; 2] {
    let template = mixer_proto::template::descriptor_set("metric").unwrap_or_default();
    let adapter = PrometheusAdapter::new(ListenAddress::AnyHost(DEFAULT_PORT));
    [
        resource("template", "metric", &json!({ "descriptor": STANDARD.encode(template) })),
        resource(
            "adapter",
            "prometheus",
            &json!({
                "description": "Prometheus, as a process of its own",
                "session_based": false,
                "templates": ["metric"],
                "config": STANDARD.encode(adapter.info().config_descriptor),
            }),
        ),
    ]
}
