//! The configuration is replaced again and again under load, as Kubernetes replaces a ConfigMap: every request is
//! answered, nothing is lost, an unchanged handler keeps its connections, and a changed Prometheus handler keeps the
//! series of the metrics that did not change.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use mixer_harness::{get, sum_samples};
use serde_json::{Value as Json, json};

use super::system::{BATCH, System, documents, programs, resource};

/// How often the configuration is replaced.
const RELOADS: usize = 8;

/// What every version holds, and two things of which each version has its own: a rule with its handler, and the buckets
/// of a hosted metric.
fn version(number: usize) -> Vec<Json> {
    let metric = |name: &str, kind: &str| {
        json!({ "name": name, "instance_name": "count.instance.istio-system", "kind": kind,
                "label_names": ["path"] })
    };
    let mut changed = metric("changed", "DISTRIBUTION");
    changed["buckets"] = json!({ "explicit_buckets": { "bounds": [number, number + 1] } });
    let metrics = [metric("kept_total", "COUNTER"), changed];
    let extra = format!("extra-{number}");
    vec![
        resource(
            "handler",
            "hosted",
            json!({ "compiledAdapter": "prometheus", "params": { "metrics": metrics } }),
        ),
        resource("rule", "hosted", json!({ "actions": [{ "handler": "hosted", "instances": ["count"] }] })),
        resource("handler", &extra, json!({ "compiledAdapter": "noop" })),
        resource("rule", &extra, json!({ "actions": [{ "handler": extra, "instances": ["nothing"] }] })),
    ]
}

/// Lays a version beside the ones before, and lets the link point to it in one step.
fn replace(config: &Path, number: usize) {
    let folder = config.join(format!("..version-{number}"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("changing.yaml"), documents(&version(number))).unwrap();
    let link = config.join("..data_tmp");
    symlink(folder.file_name().unwrap(), &link).unwrap();
    fs::rename(link, config.join("..data")).unwrap();
}

/// The local ends of the connections to a port of this host.
fn connections_to(port: u16) -> BTreeSet<String> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let established = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_wanted = fields[2].ends_with(&format!(":{port:04X}")) && fields[3] == "01";
        is_wanted.then(|| fields[1].to_owned())
    });
    established.collect()
}

#[tokio::test]
async fn no_request_connection_or_series_is_lost() {
    let Some(bin) = programs() else { return };
    let lay_out = |config: &Path| {
        replace(config, 0);
        symlink("..data/changing.yaml", config.join("changing.yaml")).unwrap();
    };
    let (mut system, _adapter) = System::start_with(bin, lay_out).await;
    system.load(20).await;
    let connections = connections_to(system.ports.adapter);
    assert!(!connections.is_empty());
    let mut sent = 20;

    let updates = system.metric("mixer_config_updates_total", "").await;
    for number in 1..=RELOADS {
        replace(&system.config, number);
        let seen = async {
            while system.metric("mixer_runtime_dispatches_total", &format!("handler=\"extra-{number}.")).await
                == 0.0
            {
                system.load(5).await;
                sent += 5;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), seen).await.unwrap();
    }
    assert!(system.metric("mixer_config_updates_total", "").await >= updates + RELOADS as f64);

    let sent = (sent * BATCH) as f64;
    assert_eq!(system.counted().await, sent, "every report arrived at the adapter");
    assert_eq!(system.lost().await, 0.0);
    assert_eq!(connections_to(system.ports.adapter), connections, "the handler did not change");
    let (_, hosted) = get(&system.http, system.ports.hosted, "/metrics").await.unwrap();
    assert_eq!(sum_samples(&hosted, "istio_kept_total", ""), sent, "the metric did not change");
    assert!(sum_samples(&hosted, "istio_changed_count", "") < sent, "the metric changed");
    let (_, own) = get(&system.http, system.ports.admin, "/metrics").await.unwrap();
    let dropped = own.lines().filter(|line| line.starts_with("mixer_dispatcher_dropped_instances_total{"));
    // What was on its way to the metric that changed has nowhere to go: its series are gone.
    let lost: Vec<&str> = dropped.filter(|line| !line.contains("reason=\"redefined\"")).collect();
    assert_eq!(lost, [""; 0], "no handler lost anything");
}
