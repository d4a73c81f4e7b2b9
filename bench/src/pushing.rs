//! The adapters that push: each as a process of its own, with a configuration for the sample that is sent and a backend
//! that takes everything.

mod sink;

use std::path::Path;

use anyhow::Context as _;
use mixer_harness::{Process, client, free_ports, get, sum_samples, wait_ok};
use mixer_prometheus_adapter::DEFAULT_PORT;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use prost_types::Any;
use serde_json::{Value as Json, json};
use tokio::process::Command;

use crate::newrelic::messages::{DIMENSIONS, SAMPLE};

pub(crate) use sink::Sink;

/// An adapter that pushes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pushing {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its configuration, for a folder and backends that are its own.
    params: fn(&Path, &Sink) -> Json,
}

/// All of them. Harvests are as frequent as they can be, so that each measurement has several.
pub(crate) const ALL: &[Pushing] = &[
    Pushing { name: "newrelic", params: newrelic },
    Pushing { name: "otlp", params: otlp },
    Pushing { name: "prometheus", params: prometheus },
    Pushing { name: "stackdriver", params: stackdriver },
    Pushing { name: "dogstatsd", params: dogstatsd },
    Pushing { name: "statsd", params: statsd },
];

fn newrelic(folder: &Path, sink: &Sink) -> Json {
    json!({
        "namespace": "istio",
        "metrics": { SAMPLE: { "name": "request.total", "type": "COUNT" } },
        "apiKeyFile": folder.join("key"),
        "metricsUrl": sink.url("/metric/v1"),
        "harvestPeriod": "1s",
    })
}

fn otlp(_: &Path, sink: &Sink) -> Json {
    json!({
        "exporter": { "endpoint": sink.url(""), "protocol": "HTTP_PROTOBUF" },
        "metrics": { SAMPLE: { "name": "http.server.request.count", "type": "SUM" } },
        "metricsPeriod": "1s",
    })
}

fn prometheus(_: &Path, sink: &Sink) -> Json {
    let labels: Vec<_> = DIMENSIONS.iter().map(|name| name.replace('.', "_")).collect();
    json!({
        "metrics": [
            { "name": "requests_total", "instanceName": SAMPLE, "kind": "COUNTER", "labelNames": labels },
        ],
        "remoteWrite": [{ "url": sink.url("/api/v1/write"), "protocol": "V1", "sendPeriod": "1s" }],
        "scrape": false,
    })
}

fn stackdriver(_: &Path, sink: &Sink) -> Json {
    json!({
        "endpoint": sink.url(""),
        "projectId": "my-project",
        "location": "us-west1",
        "clusterName": "west",
        "appCredentials": true,
        "pushInterval": "5s",
        "metricInfo": { SAMPLE: { "kind": "DELTA", "value": "INT64" } },
    })
}

fn dogstatsd(_: &Path, sink: &Sink) -> Json {
    json!({
        "address": sink.datagrams(),
        "metrics": { SAMPLE: { "name": "request.count", "type": "COUNTER" } },
        "flushInterval": "1s",
        "ignoreEnvironment": true,
    })
}

fn statsd(_: &Path, sink: &Sink) -> Json {
    json!({
        "address": sink.datagrams(),
        "metrics": { SAMPLE: { "nameTemplate": "request.count", "type": "COUNTER" } },
        "graphiteTags": true,
    })
}

/// One of them that runs.
pub(crate) struct Running {
    process: Process,
    /// Where it takes calls.
    pub(crate) port: u16,
    monitoring: u16,
    /// What a handler of it has as `adapter_config`.
    pub(crate) config: Any,
}

impl Pushing {
    /// Starts it.
    ///
    /// # Errors
    /// It does not become ready.
    pub(crate) async fn start(&self, folder: &Path, sink: &Sink) -> anyhow::Result<Running> {
        let [port, monitoring] = free_ports()?;
        let config = config(self.name, (self.params)(folder, sink))?;
        // Credentials of Google come from here, and nothing from elsewhere.
        let environment = [("GCE_METADATA_HOST", sink.host()), ("HOME", folder.display().to_string())];
        let process = launch(self.name, folder, (port, monitoring), &[], environment).await?;
        Ok(Running { process, port, monitoring, config })
    }
}

impl Running {
    /// Its process id.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn pid(&mut self) -> anyhow::Result<u32> {
        self.process.still_running()?;
        self.process.id().context("a running process has an id")
    }

    /// Looks whether it has received so many instances and lost none.
    ///
    /// # Errors
    /// It has not.
    pub(crate) async fn received(&self, instances: u64) -> anyhow::Result<()> {
        let (status, text) = get(&client(), self.monitoring, "/metrics").await?;
        anyhow::ensure!(status == 200, "127.0.0.1:{}/metrics answers {status}", self.monitoring);
        let received = sum_samples(&text, "mixer_adapter_instances_total", "");
        anyhow::ensure!(received == instances as f64, "{received} of {instances} instances were received");
        for lost in ["mixer_adapter_instances_dropped_total", "mixer_adapter_delivery_dropped_total"] {
            let number = sum_samples(&text, lost, "");
            anyhow::ensure!(number == 0.0, "{lost} is {number}; its log ends with\n{}", self.log());
        }
        Ok(())
    }

    fn log(&self) -> String {
        let log = self.process.output();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
    }
}

/// Starts an adapter's program, which lies beside this one, and waits until it is ready.
///
/// # Errors
/// There is none, or it does not become ready.
pub(crate) async fn launch(
    adapter: &'static str,
    folder: &Path,
    (port, monitoring): (u16, u16),
    args: &[&str],
    environment: impl IntoIterator<Item = (&'static str, String)>,
) -> anyhow::Result<Process> {
    let program = std::env::current_exe()?.with_file_name(format!("mixer-{adapter}-adapter"));
    let missing = || format!("{} is missing; build it with `cargo xtask bench`", program.display());
    anyhow::ensure!(program.is_file(), missing());
    std::fs::write(folder.join("key"), "0123456789abcdef0123456789abcdef01234567")?;
    let mut command = Command::new(&program);
    let mut ports = vec![("--address", port), ("--monitoringAddress", monitoring)];
    if adapter == "prometheus" {
        let [scrape] = free_ports()?;
        ports.push(("--prometheusAddress", scrape));
    }
    for (flag, port) in ports {
        command.arg(flag).arg(format!("127.0.0.1:{port}"));
    }
    // The backend is reached directly, whatever the environment says.
    command.args(args).env("NO_PROXY", "*").envs(environment);
    let mut processes = [Process::start(adapter, command, folder)?];
    wait_ok(monitoring, "/readyz", &mut processes).await?;
    let [process] = processes;
    Ok(process)
}

/// The configuration of a handler of an adapter.
///
/// # Errors
/// The adapter's descriptor does not fit.
pub(crate) fn config(adapter: &str, params: Json) -> anyhow::Result<Any> {
    let prometheus_address = (std::net::Ipv4Addr::LOCALHOST, DEFAULT_PORT).into();
    let registry = mixer_adapters::registry(mixer_adapters::Options { prometheus_address });
    let adapter = registry.get(adapter).with_context(|| format!("no adapter is called {adapter}"))?;
    let info = adapter.info();
    let pool = DescriptorPool::decode(info.config_descriptor)?;
    let message =
        pool.get_message_by_name(info.config_message).context("the adapter has no such configuration")?;
    let message = DynamicMessage::deserialize(message, params)?;
    let type_url = format!("type.googleapis.com/{}", info.config_message);
    Ok(Any { type_url, value: message.encode_to_vec() })
}
