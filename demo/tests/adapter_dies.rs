//! A gRPC adapter is killed under load: checks and the other handlers do not notice, what is lost is counted by handler
//! and reason, memory does not grow, and telemetry flows again by itself after the adapter's return.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mixer_adapter_sdk::{Adapter as _, ListenAddress};
use mixer_attribute::Value;
use mixer_harness::{HttpClient, Process, client, free_ports, get, sum_samples, wait_ok};
use mixer_prometheus_adapter::PrometheusAdapter;
use mixer_proto::mixer::v1::{CheckRequest, ReportRequest};
use mixer_rpc::mixer::v1::mixer_client::MixerClient;
use serde_json::{Value as Json, json};
use tokio::process::Command;
use tonic::transport::{Channel, Endpoint};

const BATCH: usize = 10;

struct Ports {
    admin: u16,
    adapter: u16,
    adapter_admin: u16,
    scrape: u16,
}

fn resource(kind: &str, name: &str, spec: Json) -> Json {
    json!({ "apiVersion": "config.istio.io/v1alpha2", "kind": kind,
            "metadata": { "name": name, "namespace": "istio-system" }, "spec": spec })
}

fn write_configuration(folder: &Path, ports: &Ports) -> PathBuf {
    let adapter = PrometheusAdapter::new(ListenAddress::AnyHost(0));
    let config = STANDARD.encode(adapter.info().config_descriptor);
    let metric = json!({ "name": "reports_total", "instance_name": "count.instance.istio-system",
                         "kind": "COUNTER", "label_names": ["path"] });
    let resources = [
        resource(
            "adapter",
            "prometheus",
            json!({ "session_based": false, "templates": ["metric"], "config": config }),
        ),
        resource(
            "handler",
            "remote",
            json!({
                "adapter": "prometheus",
                "connection": { "address": format!("127.0.0.1:{}", ports.adapter), "timeout": "1s" },
                "params": { "metrics": [metric] },
            }),
        ),
        resource(
            "instance",
            "count",
            json!({
                "template": "metric", "params": { "value": "1", "dimensions": { "path": "request.path | \"\"" } },
            }),
        ),
        resource("rule", "remote", json!({ "actions": [{ "handler": "remote", "instances": ["count"] }] })),
        resource("handler", "local", json!({ "compiledAdapter": "noop" })),
        resource("instance", "nothing", json!({ "compiledTemplate": "reportnothing" })),
        resource("rule", "local", json!({ "actions": [{ "handler": "local", "instances": ["nothing"] }] })),
        resource(
            "handler",
            "allowed",
            json!({
                "compiledAdapter": "list", "params": { "overrides": ["/a"], "blacklist": false },
            }),
        ),
        resource(
            "instance",
            "path",
            json!({ "compiledTemplate": "listentry", "params": { "value": "request.path" } }),
        ),
        resource("rule", "allowed", json!({ "actions": [{ "handler": "allowed", "instances": ["path"] }] })),
    ];
    let documents: Vec<String> = resources.iter().map(Json::to_string).collect();
    fs::create_dir(folder.join("config")).unwrap();
    fs::write(folder.join("config/all.yaml"), documents.join("\n---\n")).unwrap();
    folder.join("config")
}

/// The system under test.
struct System {
    bin: PathBuf,
    folder: tempfile::TempDir,
    ports: Ports,
    http: HttpClient,
    mixer: MixerClient<Channel>,
    mixs: Process,
    starts: usize,
}

impl System {
    async fn start(bin: PathBuf) -> (Self, Process) {
        let [mixer, admin, adapter, adapter_admin, scrape] = free_ports().unwrap();
        let ports = Ports { admin, adapter, adapter_admin, scrape };
        let folder = tempfile::tempdir().unwrap();
        let config = write_configuration(folder.path(), &ports);
        let mut mixs = Command::new(bin.join("mixs"));
        mixs.arg("server").arg("--configStoreURL").arg(format!("fs://{}", config.display()));
        mixs.args(["--address", &format!("tcp://127.0.0.1:{mixer}")]);
        mixs.args(["--monitoringAddress", &format!("127.0.0.1:{admin}")]);
        let mut mixs = [Process::start("mixs", mixs, folder.path()).unwrap()];
        wait_ok(admin, "/readyz", &mut mixs).await.unwrap();
        let [mixs] = mixs;
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{mixer}")).unwrap();
        let mixer = MixerClient::new(endpoint.connect().await.unwrap());
        let mut system = Self { bin, folder, ports, http: client(), mixer, mixs, starts: 0 };
        let adapter = system.start_adapter().await;
        (system, adapter)
    }

    async fn start_adapter(&mut self) -> Process {
        let mut command = Command::new(self.bin.join("mixer-prometheus-adapter"));
        for (flag, port) in [
            ("--address", self.ports.adapter),
            ("--monitoringAddress", self.ports.adapter_admin),
            ("--prometheusAddress", self.ports.scrape),
        ] {
            command.arg(flag).arg(format!("127.0.0.1:{port}"));
        }
        self.starts += 1;
        let folder = self.folder.path().join(self.starts.to_string());
        fs::create_dir(&folder).unwrap();
        let mut adapter = [Process::start("adapter", command, &folder).unwrap()];
        wait_ok(self.ports.adapter_admin, "/readyz", &mut adapter).await.unwrap();
        let [adapter] = adapter;
        adapter
    }

    /// Sends reports of ten bags, and a check between any two; every one must be answered as if all were well.
    async fn load(&mut self, reports: usize) {
        let path = Value::text("/a");
        let bag = mixer_wire::compress([("request.path", &path)], 0);
        for _ in 0..reports {
            let report = ReportRequest { attributes: vec![bag.clone(); BATCH], ..ReportRequest::default() };
            let report = ReportRequest { repeated_attributes_semantics: 1, ..report };
            self.mixer.report(report).await.unwrap();
            let check = CheckRequest { attributes: Some(bag.clone()), ..CheckRequest::default() };
            let answer = self.mixer.check(check).await.unwrap().into_inner();
            assert_eq!(answer.precondition.unwrap().status.map_or(0, |status| status.code), 0);
        }
    }

    async fn metric(&self, name: &str, label: &str) -> f64 {
        let (_, text) = get(&self.http, self.ports.admin, "/metrics").await.unwrap();
        sum_samples(&text, name, label)
    }

    async fn counted(&self) -> f64 {
        let (_, text) = get(&self.http, self.ports.scrape, "/metrics").await.unwrap();
        sum_samples(&text, "istio_reports_total", "")
    }

    async fn lost(&self) -> f64 {
        self.metric("mixer_dispatcher_dropped_instances_total", "handler=\"remote").await
    }

    fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.mixs.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// The programs that were built beside this test's, or nothing in a plain `cargo test` that did not build them.
fn programs() -> Option<PathBuf> {
    let bin = Path::new(env!("CARGO_BIN_EXE_mixer-demo")).parent().unwrap().to_path_buf();
    let built = ["mixs", "mixer-prometheus-adapter"].iter().all(|name| bin.join(name).is_file());
    if !built {
        let required = std::env::var_os(mixer_harness::REAL).is_some() || std::env::var_os("CI").is_some();
        assert!(!required, "mixs and mixer-prometheus-adapter are not built");
        println!("skipped: build mixs and mixer-prometheus-adapter, or run `cargo xtask test`");
    }
    built.then_some(bin)
}

#[tokio::test]
async fn nobody_else_notices_and_telemetry_flows_again() {
    let Some(bin) = programs() else { return };
    let (mut system, mut adapter) = System::start(bin).await;
    system.load(50).await;
    let sent_before = (50 * BATCH) as f64;
    assert_eq!(system.counted().await, sent_before);
    assert_eq!(system.lost().await, 0.0);

    adapter.kill().await.unwrap();
    system.load(50).await;
    let resident = system.resident_kib();
    system.load(450).await;
    let sent_meanwhile = (500 * BATCH) as f64;
    assert_eq!(system.lost().await, sent_meanwhile, "every instance that did not arrive is counted");
    let other = system.metric("mixer_runtime_dispatches_total", "handler=\"local").await;
    assert!(other >= 550.0, "the other handler got {other} calls");
    let grown = system.resident_kib().saturating_sub(resident);
    assert!(grown < 8 * 1024, "mixs grew by {grown} KiB while the adapter was away");

    let _adapter = system.start_adapter().await;
    let back = async {
        // Each report is a try; the breaker lets one through every now and then.
        while system.counted().await == 0.0 {
            system.load(1).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), back).await.unwrap();
    let (counted, lost) = (system.counted().await, system.lost().await);
    system.load(20).await;
    assert_eq!(system.counted().await - counted, (20 * BATCH) as f64, "everything arrives again");
    assert_eq!(system.lost().await, lost, "nothing more is lost");
}
