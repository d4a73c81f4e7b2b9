//! With a spool, what `mixs` has acknowledged arrives at New Relic, although New Relic was away and the process that kept it was
//! killed, again and again: once each, or again under the request id by which New Relic knows it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mixer_attribute::Value;
use mixer_harness::{Process, free_ports, get, sum_samples, wait_ok};
use mixer_proto::mixer::v1::ReportRequest;
use mixer_rpc::mixer::v1::mixer_client::MixerClient;
use mixer_testkit::{FakeNewRelic, Seen, Way};
use serde_json::{Value as Json, json};
use tokio::process::Command;
use tokio::sync::watch;
use tonic::transport::Channel;

use super::system::{built, documents, resource};

const KEY: &str = "0123456789-ingest";
const ADAPTER: &str = "mixer-newrelic-adapter";
/// Generous: test machines are slow and busy.
const PATIENCE: Duration = Duration::from_secs(120);
/// Reports before the first end.
const REPORTS: usize = 100;

/// Who keeps what was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeper {
    /// The handler is hosted, the spool that of `mixs`.
    Mixs,
    /// The handler is a gRPC adapter with a spool of its own.
    Adapter,
}

struct World {
    keeper: Keeper,
    bin: PathBuf,
    folder: tempfile::TempDir,
    /// Of gRPC and monitoring, of `mixs` and of the adapter.
    ports: [u16; 4],
    fake: FakeNewRelic,
    way: Way,
    starts: usize,
}

impl World {
    async fn new(keeper: Keeper, bin: PathBuf) -> Self {
        let fake = FakeNewRelic::start(KEY).await.unwrap();
        let way = Way::closed(fake.address()).await.unwrap();
        let (folder, ports) = (tempfile::tempdir().unwrap(), free_ports().unwrap());
        let world = Self { keeper, bin, folder, ports, fake, way, starts: 0 };
        fs::write(world.path("key"), KEY).unwrap();
        fs::create_dir(world.path("config")).unwrap();
        fs::write(world.path("config/all.yaml"), documents(&world.resources())).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::join(self.folder.path(), name)
    }

    /// One metric, counted by path.
    fn resources(&self) -> Vec<Json> {
        let params = json!({
            "api_key_file": self.path("key"),
            "metrics_url": format!("http://{}", self.way.address()),
            "harvest_period": "0.1s",
            "metrics": { "count.instance.istio-system": { "name": "count", "type": "COUNT" } },
        });
        let adapter = mixer_newrelic_adapter::adapter();
        let config = STANDARD.encode(adapter.info().config_descriptor);
        let handler = match self.keeper {
            Keeper::Mixs => json!({ "compiledAdapter": "newrelic", "params": params }),
            Keeper::Adapter => json!({
                "adapter": "newrelic-process",
                "connection": { "address": format!("127.0.0.1:{}", self.ports[2]), "timeout": "30s" },
                "params": params,
            }),
        };
        let dimensions = json!({ "path": "request.path | \"\"" });
        let adapter = json!({ "session_based": false, "templates": ["metric"], "config": config });
        vec![
            resource("adapter", "newrelic-process", adapter),
            resource("handler", "newrelic", handler),
            resource(
                "instance",
                "count",
                json!({ "template": "metric", "params": { "value": "1", "dimensions": dimensions } }),
            ),
            resource(
                "rule",
                "count",
                json!({ "actions": [{ "handler": "newrelic", "instances": ["count"] }] }),
            ),
        ]
    }

    async fn start(&mut self, program: &'static str, mut command: Command, admin: u16) -> Process {
        self.starts += 1;
        let logs = self.path(&self.starts.to_string());
        fs::create_dir(&logs).unwrap();
        if (program == "mixs") == (self.keeper == Keeper::Mixs) {
            command.arg("--spoolDirectory").arg(self.path("spool"));
        }
        let mut process = [Process::start(program, command, &logs).unwrap()];
        wait_ok(admin, "/readyz", &mut process).await.unwrap();
        let [process] = process;
        process
    }

    async fn start_mixs(&mut self) -> Process {
        let [grpc, admin, ..] = self.ports;
        let mut command = Command::new(self.bin.join("mixs"));
        command.arg("server").arg(format!("--configStoreURL=fs://{}", self.path("config").display()));
        command.arg(format!("--address=tcp://127.0.0.1:{grpc}"));
        command.arg(format!("--monitoringAddress=127.0.0.1:{admin}")).arg("--prometheusAddress=127.0.0.1:0");
        self.start("mixs", command, admin).await
    }

    async fn start_adapter(&mut self) -> Process {
        let [.., grpc, admin] = self.ports;
        let mut command = Command::new(self.bin.join(ADAPTER));
        command.arg(format!("--address=127.0.0.1:{grpc}"));
        command.arg(format!("--monitoringAddress=127.0.0.1:{admin}"));
        self.start("adapter", command, admin).await
    }

    async fn start_keeper(&mut self) -> Process {
        match self.keeper {
            Keeper::Mixs => self.start_mixs().await,
            Keeper::Adapter => self.start_adapter().await,
        }
    }

    async fn client(&self) -> MixerClient<Channel> {
        MixerClient::connect(format!("http://127.0.0.1:{}", self.ports[0])).await.unwrap()
    }

    /// Waits until what has arrived is enough.
    async fn until(&self, keeper: &Process, enough: impl Fn(&Seen) -> bool) -> Seen {
        let came = tokio::time::timeout(PATIENCE, self.fake.wait(enough)).await;
        came.unwrap_or_else(|_| {
            panic!("{} requests came\n{}", self.fake.seen().requests.len(), keeper.output())
        })
    }
}

/// Reports a request for a path of its own; whether that was acknowledged.
async fn report(client: &mut MixerClient<Channel>, number: usize) -> bool {
    let path = format!("/{number}");
    let path = Value::text(&path);
    let bag = mixer_wire::compress([("request.path", &path)], 0);
    client.report(ReportRequest { attributes: vec![bag], ..ReportRequest::default() }).await.is_ok()
}

/// How often each path was counted.
fn counted(seen: &Seen) -> BTreeMap<usize, f64> {
    let mut counted = BTreeMap::new();
    for metric in &seen.metrics {
        let path = metric["attributes"]["path"].as_str().unwrap();
        *counted.entry(path[1..].parse().unwrap()).or_default() += metric["value"].as_f64().unwrap();
    }
    counted
}

async fn check(keeper: Keeper) {
    let Some(bin) = built(ADAPTER) else { return };
    let mut world = World::new(keeper, bin).await;
    let mut kept = world.start_keeper().await;
    let other = match keeper {
        Keeper::Mixs => None,
        Keeper::Adapter => Some(world.start_mixs().await),
    };

    // New Relic is away; what is acknowledged is on the disk of the keeper.
    let mut client = world.client().await;
    for number in 0..REPORTS {
        assert!(report(&mut client, number).await, "{number}");
    }
    let mut acknowledged: Vec<usize> = (0..REPORTS).collect();
    if let Some(mixs) = &other {
        let (_, metrics) = get(&mixer_harness::client(), world.ports[1], "/metrics").await.unwrap();
        let lost = sum_samples(&metrics, "mixer_dispatcher_dropped_instances_total", "");
        assert_eq!(lost, 0.0, "{}", mixs.output());
    }

    // It is killed, under load where the caller hears of it, and once more when it has just come back.
    if keeper == Keeper::Mixs {
        let (sender, mut count) = watch::channel(REPORTS);
        let load = tokio::spawn(async move {
            for number in REPORTS.. {
                if !report(&mut client, number).await {
                    return;
                }
                sender.send_replace(number + 1);
            }
        });
        tokio::time::timeout(PATIENCE, count.wait_for(|count| *count > REPORTS + 10)).await.unwrap().unwrap();
        kept.kill().await.unwrap();
        tokio::time::timeout(PATIENCE, load).await.unwrap().unwrap();
        acknowledged.extend(REPORTS..*count.borrow());
    } else {
        kept.kill().await.unwrap();
    }
    world.start_keeper().await.kill().await.unwrap();

    // New Relic is back, and the keeper killed in the middle of it.
    let mut kept = world.start_keeper().await;
    world.way.open();
    world.until(&kept, |seen| !seen.requests.is_empty()).await;
    kept.kill().await.unwrap();
    let kept = world.start_keeper().await;
    let all = |seen: &Seen| {
        let counted = counted(seen);
        acknowledged.iter().all(|number| counted.contains_key(number))
    };
    let seen = world.until(&kept, all).await;

    assert_eq!(seen.faults, [] as [String; 0]);
    let not_once: Vec<_> = counted(&seen).into_iter().filter(|(_, count)| *count != 1.0).collect();
    assert_eq!(not_once, [], "{} duplicates were recognized", seen.duplicates);
}

#[tokio::test]
async fn in_an_adapter_that_is_killed() {
    check(Keeper::Adapter).await;
}

#[tokio::test]
async fn in_a_server_that_is_killed() {
    check(Keeper::Mixs).await;
}
