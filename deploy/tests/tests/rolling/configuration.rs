//! The configuration of `mixs`: a list that is asked in Checks, and New Relic, which gets a log entry and a sample for each
//! reported bag; both behind the names of headless Services.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mixer_testkit::{FakeNewRelic, IngestApi};
use serde_json::{Value, json};

use super::cluster::host;
use super::{KEY, folder};

/// Where the adapters listen when no flag says otherwise.
pub(crate) const NEWRELIC_PORT: u16 = 55912;
pub(crate) const LIST_PORT: u16 = 9073;

/// The only path that the list lets pass.
pub(crate) const PATH: &str = "/allowed";

/// Writes everything below a folder; the folder that `mixs` reads.
pub(crate) fn write(parent: &Path, fake: &FakeNewRelic) -> PathBuf {
    let key = parent.join("key");
    std::fs::write(&key, KEY).unwrap();
    let config = folder(parent, "config");
    let documents: Vec<String> = resources(&key, fake).iter().map(Value::to_string).collect();
    std::fs::write(config.join("all.yaml"), documents.join("\n---\n")).unwrap();
    config
}

fn resources(key: &Path, fake: &FakeNewRelic) -> Vec<Value> {
    let newrelic = mixer_newrelic_adapter::adapter();
    let list = mixer_list_adapter::adapter();
    vec![
        adapter("newrelic", newrelic.info().config_descriptor, &["metric", "logentry"]),
        adapter("list", list.info().config_descriptor, &["listentry"]),
        handler(
            "newrelic",
            NEWRELIC_PORT,
            json!({
                "namespace": "istio", "harvest_period": "0.5s", "api_key_file": key.display().to_string(),
                "metrics_url": fake.url(IngestApi::Metric), "logs_url": fake.url(IngestApi::Log),
                "metrics": { "count.instance.istio-system": { "name": "count", "type": "COUNT" } },
                "logs": { "entry.instance.istio-system": { "message": "{id}" } },
            }),
        ),
        handler("list", LIST_PORT, json!({ "overrides": [PATH], "blacklist": false })),
        resource(
            "instance",
            "path",
            json!({ "template": "listentry", "params": { "value": "request.path" } }),
        ),
        resource("instance", "count", json!({ "template": "metric", "params": { "value": "1" } })),
        resource(
            "instance",
            "entry",
            json!({ "template": "logentry", "params": { "severity": "\"info\"", "variables": { "id": "request.id" } } }),
        ),
        rule("list", json!(["path"])),
        rule("newrelic", json!(["count", "entry"])),
    ]
}

fn adapter(name: &str, descriptor: &[u8], templates: &[&str]) -> Value {
    let config = STANDARD.encode(descriptor);
    resource("adapter", name, json!({ "session_based": false, "templates": templates, "config": config }))
}

fn handler(name: &str, port: u16, params: Value) -> Value {
    let address = format!("dns:///{}:{port}", host(name));
    resource(
        "handler",
        name,
        json!({ "adapter": name, "connection": { "address": address, "timeout": "10s" }, "params": params }),
    )
}

fn rule(handler: &str, instances: Value) -> Value {
    resource("rule", handler, json!({ "actions": [{ "handler": handler, "instances": instances }] }))
}

fn resource(kind: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "config.istio.io/v1alpha2", "kind": kind,
            "metadata": { "name": name, "namespace": "istio-system" }, "spec": spec })
}
