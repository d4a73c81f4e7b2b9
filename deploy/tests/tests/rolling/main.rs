//! Rolling updates under load, every pod in a network namespace of its own: the New Relic adapter, an adapter that is asked
//! in Checks, and `mixs` behind stock Envoy are replaced pod by pod. No call fails, and every data point that was
//! acknowledged arrives exactly once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

mod cluster;
mod configuration;
mod envoy;
mod load;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mixer_deploy_tests::net::Network;
use mixer_harness::{REAL, real_program, sum_samples};
use mixer_testkit::{FakeNewRelic, Seen};

use cluster::{Cluster, Workload};
use load::{Ledger, Load};

/// Longer than anything takes, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// The key of the account.
const KEY: &str = "0123456789-ingest";

/// Calls of each kind between two updates.
const CALLS: usize = 60;

#[test]
fn every_pod_is_replaced_and_nothing_is_lost() {
    let Some(programs) = Programs::find() else { return };
    let network = Network::new(&programs.ip).unwrap();
    let update = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(update(&network, &programs));
    };
    network.inside(update).unwrap();
}

/// What runs in the pods.
struct Programs {
    ip: PathBuf,
    envoy: PathBuf,
    /// Where the project's own programs are.
    own: PathBuf,
}

impl Programs {
    /// Nothing in a plain `cargo test` that has no counterparts, or may not make namespaces.
    fn find() -> Option<Self> {
        let found = (real_program("MIXER_IP").unwrap(), real_program("MIXER_ENVOY").unwrap());
        let own = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_path_buf();
        let names = ["mixs", "mixer-newrelic-adapter", "mixer-list-adapter"];
        let built = names.iter().all(|name| own.join(name).is_file());
        let is_root = rustix::process::geteuid().is_root();
        let required = std::env::var_os(REAL).is_some();
        assert!(
            !required || (built && is_root),
            "needs root and the programs that `cargo xtask test` builds"
        );
        match found {
            (Some(ip), Some(envoy)) if built && is_root => Some(Self { ip, envoy, own }),
            _ => {
                println!("skipped: needs root, and what `cargo xtask test` installs and builds");
                None
            }
        }
    }
}

async fn update(network: &Network, programs: &Programs) {
    let fake = FakeNewRelic::listen((network.hub_address(), 0).into(), &[KEY]).await.unwrap();
    let cluster = Cluster::start(network).await;
    let config = configuration::write(cluster.folder(), &fake);
    let own = |name: &str| programs.own.join(name);
    let mut newrelic =
        Workload::new("newrelic", own("mixer-newrelic-adapter"), configuration::NEWRELIC_PORT + 100);
    let mut list = Workload::new("list", own("mixer-list-adapter"), configuration::LIST_PORT + 100);
    let mut mixs = Workload::new("mixs", own("mixs"), 15014);
    mixs.arguments = vec!["server".to_owned(), format!("--configStoreURL=fs://{}", config.display())];
    for workload in [&mut newrelic, &mut list, &mut mixs] {
        workload.scale_up(&cluster, 2).await;
    }
    let envoy = cluster.start_envoy(&programs.envoy).await;

    let load = Load::start(envoy);
    load.more(CALLS).await;
    newrelic.roll(&cluster).await;
    load.more(CALLS).await;
    list.roll(&cluster).await;
    load.more(CALLS).await;
    mixs.roll(&cluster).await;
    load.more(CALLS).await;
    // Connections have found the new pods.
    for (workload, metric) in [
        (&newrelic, "mixer_adapter_calls_total"),
        (&list, "mixer_adapter_calls_total"),
        (&mixs, "mixer_runtime_dispatches_total"),
    ] {
        for pod in 0..2 {
            workload.until_metrics(&cluster, pod, |text| sum_samples(text, metric, "") > 0.0).await;
        }
    }
    let ledger = load.stop().await;
    assert_eq!(ledger.failures, [] as [String; 0], "of {} calls", ledger.calls());
    let arrived = fake.wait(|seen| seen.logs.len() >= ledger.acknowledged.len());
    let late = tokio::time::timeout(PATIENCE, arrived).await.is_err();
    // What was kept for a harvest is sent in the end.
    newrelic.scale_down(&cluster).await;
    mixs.scale_down(&cluster).await;
    let seen = fake.seen();
    assert!(!late, "{} of {} data points arrived", seen.logs.len(), ledger.acknowledged.len());
    compare(&ledger, &seen);
    println!(
        "6 pods replaced under {} requests of Envoy, {} Checks and {} data points",
        ledger.requests,
        ledger.checks,
        ledger.acknowledged.len()
    );
}

/// What arrived has to be what was acknowledged.
fn compare(ledger: &Ledger, seen: &Seen) {
    assert_eq!(seen.faults, [] as [String; 0]);
    let mut arrivals: HashMap<&str, usize> = HashMap::new();
    for entry in &seen.logs {
        *arrivals.entry(entry["message"].as_str().unwrap()).or_default() += 1;
    }
    let times = |id: &String| arrivals.get(id.as_str()).copied().unwrap_or(0);
    let odd: Vec<_> =
        ledger.acknowledged.iter().map(|id| (id, times(id))).filter(|(_, times)| *times != 1).collect();
    assert_eq!(odd, [], "acknowledged and not there exactly once, of {}", ledger.acknowledged.len());
    assert_eq!(arrivals.len(), ledger.acknowledged.len(), "more arrived than was acknowledged");
    let counted: f64 = seen.metrics.iter().map(|metric| metric["value"].as_f64().unwrap()).sum();
    assert_eq!(counted, ledger.acknowledged.len() as f64, "what was counted");
}

/// A folder below another one.
fn folder(parent: &Path, name: &str) -> PathBuf {
    let folder = parent.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
