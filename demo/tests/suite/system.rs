//! `mixs` and the Prometheus adapter as processes, under a load whose every answer is looked at.

use std::fs;
use std::path::{Path, PathBuf};

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

/// Bags of a report.
pub(crate) const BATCH: usize = 10;

pub(crate) struct Ports {
    pub(crate) admin: u16,
    pub(crate) adapter: u16,
    adapter_admin: u16,
    scrape: u16,
    /// Of the adapter that `mixs` hosts.
    pub(crate) hosted: u16,
}

/// A resource of the default namespace.
pub(crate) fn resource(kind: &str, name: &str, spec: Json) -> Json {
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
    fs::create_dir(folder.join("config")).unwrap();
    fs::write(folder.join("config/all.yaml"), documents(&resources)).unwrap();
    folder.join("config")
}

/// A file of resources.
pub(crate) fn documents(resources: &[Json]) -> String {
    let documents: Vec<String> = resources.iter().map(Json::to_string).collect();
    documents.join("\n---\n")
}

/// The system under test.
pub(crate) struct System {
    bin: PathBuf,
    folder: tempfile::TempDir,
    pub(crate) config: PathBuf,
    pub(crate) ports: Ports,
    pub(crate) http: HttpClient,
    mixer: MixerClient<Channel>,
    mixs: Process,
    starts: usize,
}

impl System {
    /// A configuration with a gRPC handler `remote`, a hosted one and a list, and the adapter.
    pub(crate) async fn start(bin: PathBuf) -> (Self, Process) {
        Self::start_with(bin, |_| {}).await
    }

    /// The same with more in the configuration's folder.
    pub(crate) async fn start_with(bin: PathBuf, more: impl FnOnce(&Path)) -> (Self, Process) {
        let [mixer, admin, adapter, adapter_admin, scrape, hosted] = free_ports().unwrap();
        let ports = Ports { admin, adapter, adapter_admin, scrape, hosted };
        let folder = tempfile::tempdir().unwrap();
        let config = write_configuration(folder.path(), &ports);
        more(&config);
        let mut mixs = Command::new(bin.join("mixs"));
        mixs.arg("server").arg("--configStoreURL").arg(format!("fs://{}", config.display()));
        mixs.args(["--address", &format!("tcp://127.0.0.1:{mixer}")]);
        mixs.args(["--monitoringAddress", &format!("127.0.0.1:{admin}")]);
        mixs.args(["--prometheusAddress", &format!("127.0.0.1:{hosted}")]);
        let mut mixs = [Process::start("mixs", mixs, folder.path()).unwrap()];
        wait_ok(admin, "/readyz", &mut mixs).await.unwrap();
        let [mixs] = mixs;
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{mixer}")).unwrap();
        let mixer = MixerClient::new(endpoint.connect().await.unwrap());
        let mut system = Self { bin, folder, config, ports, http: client(), mixer, mixs, starts: 0 };
        let adapter = system.start_adapter().await;
        (system, adapter)
    }

    pub(crate) async fn start_adapter(&mut self) -> Process {
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
    pub(crate) async fn load(&mut self, reports: usize) {
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

    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let (_, text) = get(&self.http, self.ports.admin, "/metrics").await.unwrap();
        sum_samples(&text, name, label)
    }

    pub(crate) async fn counted(&self) -> f64 {
        let (_, text) = get(&self.http, self.ports.scrape, "/metrics").await.unwrap();
        sum_samples(&text, "istio_reports_total", "")
    }

    pub(crate) async fn lost(&self) -> f64 {
        self.metric("mixer_dispatcher_dropped_instances_total", "handler=\"remote").await
    }

    pub(crate) fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.mixs.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// Where `mixs` and the Prometheus adapter are, as [`built`].
pub(crate) fn programs() -> Option<PathBuf> {
    built("mixer-prometheus-adapter")
}

/// Where `mixs` and this adapter were built beside this test, or nothing in a plain `cargo test` that did not build them.
pub(crate) fn built(adapter: &str) -> Option<PathBuf> {
    let bin = Path::new(env!("CARGO_BIN_EXE_mixer-demo")).parent().unwrap().to_path_buf();
    let built = ["mixs", adapter].iter().all(|name| bin.join(name).is_file());
    if !built {
        let required = std::env::var_os(mixer_harness::REAL).is_some() || std::env::var_os("CI").is_some();
        assert!(!required, "mixs and {adapter} are not built");
        println!("skipped: build mixs and {adapter}, or run `cargo xtask test`");
    }
    built.then_some(bin)
}
