//! The configuration of `mixs`, and how it and the adapter are started.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mixer_adapter_sdk::{Adapter as _, ListenAddress};
use mixer_prometheus_adapter::PrometheusAdapter;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::Ports;

/// The route that a rule denies.
pub(crate) const DENIED_PATH: &str = "/denied";
/// What the rule says.
pub(crate) const DENIED_MESSAGE: &str = "this route is closed by a rule";

const LABELS: [(&str, &str); 6] = [
    (
        "reporter",
        r#"conditional((context.reporter.kind | "inbound") == "outbound", "source", "destination")"#,
    ),
    ("destination_app", r#"destination.labels["app"] | "unknown""#),
    ("request_protocol", r#"context.protocol | "unknown""#),
    ("request_method", r#"request.method | "unknown""#),
    ("response_code", "response.code | 200"),
    ("response_flags", r#"context.proxy_error_code | "-""#),
];

/// Writes the resources into a folder and returns it.
pub(crate) fn write_configuration(folder: &Path, ports: &Ports) -> anyhow::Result<PathBuf> {
    let config = folder.join("config");
    fs::create_dir(&config)?;
    for resource in resources(ports) {
        let name = format!("{}-{}.json", resource["kind"], resource["metadata"]["name"]).replace('"', "");
        fs::write(config.join(name), serde_json::to_string_pretty(&resource)?)?;
    }
    Ok(config)
}

fn resources(ports: &Ports) -> Vec<Value> {
    let mut resources = telemetry(ports);
    resources.extend(policy());
    resources
}

/// A counter and a histogram of every HTTP request, through the adapter process.
fn telemetry(ports: &Ports) -> Vec<Value> {
    let labels: Vec<&str> = LABELS.iter().map(|(name, _)| *name).collect();
    let dimensions: serde_json::Map<String, Value> =
        LABELS.iter().map(|(name, expression)| ((*name).to_owned(), json!(expression))).collect();
    let adapter = PrometheusAdapter::new(ListenAddress::AnyHost(0));
    let metric = |name: &str, instance: &str, kind: &str| {
        json!({ "name": name, "instance_name": format!("{instance}.instance.istio-system"), "kind": kind,
                "label_names": labels })
    };
    let metrics = [
        metric("requests_total", "requestcount", "COUNTER"),
        metric("request_duration_seconds", "requestduration", "DISTRIBUTION"),
    ];
    let instance =
        |value: &str| json!({ "template": "metric", "params": { "value": value, "dimensions": dimensions } });
    vec![
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
        resource(
            "handler",
            "prometheus",
            &json!({
                "adapter": "prometheus",
                "connection": { "address": format!("127.0.0.1:{}", ports.adapter) },
                "params": { "metrics": metrics },
            }),
        ),
        resource("instance", "requestcount", &instance("1")),
        resource("instance", "requestduration", &instance(r#"response.duration | "0ms""#)),
        resource(
            "rule",
            "metrics",
            &json!({
                "match": r#"context.protocol == "http" && response.code != 0"#,
                "actions": [{ "handler": "prometheus", "instances": ["requestcount", "requestduration"] }],
            }),
        ),
    ]
}

/// One route that a hosted adapter closes.
fn policy() -> Vec<Value> {
    vec![
        resource(
            "handler",
            "closed",
            &json!({
                "compiledAdapter": "denier",
                "params": { "status": { "code": 7, "message": DENIED_MESSAGE } },
            }),
        ),
        resource("instance", "nothing", &json!({ "compiledTemplate": "checknothing" })),
        resource(
            "rule",
            "closed",
            &json!({
                "match": format!("request.path == \"{DENIED_PATH}\""),
                "actions": [{ "handler": "closed", "instances": ["nothing"] }],
            }),
        ),
    ]
}

fn resource(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "config.istio.io/v1alpha2",
        "kind": kind,
        "metadata": { "name": name, "namespace": "istio-system" },
        "spec": spec,
    })
}

/// `mixs` on its ports.
pub(crate) fn server_command(bin: &Path, config: &Path, ports: &Ports) -> Command {
    let mut command = Command::new(bin.join("mixs"));
    command.arg("server");
    command.arg("--configStoreURL").arg(format!("fs://{}", config.display()));
    command.arg("--address").arg(format!("tcp://127.0.0.1:{}", ports.mixer));
    command.arg("--monitoringPort").arg(ports.mixer_admin.to_string());
    command
}

/// The Prometheus adapter on its ports.
pub(crate) fn adapter_command(bin: &Path, ports: &Ports) -> Command {
    let mut command = Command::new(bin.join("mixer-prometheus-adapter"));
    command.arg("--address").arg(format!("127.0.0.1:{}", ports.adapter));
    command.arg("--monitoringAddress").arg(format!("127.0.0.1:{}", ports.adapter_admin));
    command.arg("--prometheusAddress").arg(format!("127.0.0.1:{}", ports.scrape));
    command
}
