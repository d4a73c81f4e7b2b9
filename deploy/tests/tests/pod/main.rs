//! The manifests as pods: Podman plays the Deployments of `mixs` and of the New Relic adapter in a network of their own, traffic
//! goes through stock Envoy, and every data point arrives at a strict New Relic, over TLS with an authority of our own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a test says when it is skipped, and what it has measured")]

mod backend;
mod envoy;
mod manifests;
mod pods;

use std::path::PathBuf;
use std::time::Duration;

use mixer_deploy_tests::image;
use mixer_deploy_tests::namespace::Namespace;
use mixer_deploy_tests::podman::Podman;
use mixer_harness::{Process, REAL, client, real_program};
use mixer_testkit::Seen;
use serde_json::Value;

use backend::Backend;
use pods::Pods;

/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(180);

/// Requests: all, those that fail, those that are traced.
const REQUESTS: usize = 200;
const FAILED: usize = 20;
const TRACED: usize = 40;

fn scratch() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

#[test]
fn every_data_point_arrives_through_pods() {
    let Some(envoy) = real_program("MIXER_ENVOY").unwrap() else { return skipped("MIXER_ENVOY") };
    let Some(podman) = Podman::new(&scratch()).unwrap() else { return skipped("MIXER_PODMAN") };
    let (Some(mixs), Some(adapter)) =
        (image::given("mixs").unwrap(), image::given("mixer-newrelic-adapter").unwrap())
    else {
        return skipped(image::IMAGES);
    };
    let namespace = Namespace::new().unwrap();
    let story = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let images = [podman.load(&mixs).unwrap(), podman.load(&adapter).unwrap()];
        runtime.block_on(story(&podman, images, envoy));
        // What runs in the namespace ends there.
        drop(podman);
    };
    namespace.inside(story).unwrap();
}

fn skipped(what: &str) {
    assert!(std::env::var_os(REAL).is_none());
    eprintln!("skipped: {what} is not set; `cargo xtask test` installs it");
}

async fn story(podman: &Podman, [mixs, adapter]: [String; 2], envoy: PathBuf) {
    let folder = tempfile::tempdir_in(scratch()).unwrap();
    let pods = Pods::new(podman, folder.path());
    let backend = Backend::start().await;
    let adapters = pods.play(&manifests::adapter(&adapter, &backend, pods.gateway())).await;
    assert_eq!(adapters.len(), 2, "the manifest wants two replicas");
    let servers = pods.play(&manifests::mixs(&mixs, &adapters)).await;
    assert_eq!(servers.len(), 2, "the manifest wants two replicas");
    let process = Process::start("envoy", envoy::command(&envoy, folder.path(), &servers), folder.path());
    let mut processes = [process.unwrap()];
    mixer_harness::wait_ok(envoy::ADMIN, "/ready", &mut processes).await.unwrap();
    send().await;
    let enough = |seen: &Seen| {
        requests(seen) >= REQUESTS as f64 && seen.spans.len() >= TRACED && seen.logs.len() >= FAILED
    };
    let arrived = tokio::time::timeout(PATIENCE, backend.fake.wait(enough)).await;
    arrived.unwrap_or_else(|_| panic!("not all arrived: {:#?}\n{}", backend.fake.seen(), pods.logs()));
    for address in &adapters {
        let metrics = pods::page(address, manifests::ADAPTER_MONITORING, "/metrics").await.unwrap().1;
        let taken =
            mixer_harness::sum_samples(&metrics, "mixer_adapter_instances_total", "template=\"metric\"");
        assert!(taken > 0.0, "a replica was never called:\n{metrics}");
    }
    processes[0].kill().await.unwrap();
    // What was acknowledged is sent before the pods end.
    pods.stop();
    check(&backend.fake.seen());
}

/// Sends the requests; every answer is what Envoy is to give, so `mixs` has allowed it.
async fn send() {
    let client = client();
    for index in 0..REQUESTS {
        let failed = index < FAILED;
        let path = if failed { "/fails" } else { "/works" };
        let mut request = hyper::Request::get(format!("http://127.0.0.1:{}{path}", envoy::PORT));
        if index >= REQUESTS - TRACED {
            let trace = format!("{:032x}", 0x0102_0304_0506_0708_u64 + index as u64);
            let headers = [("x-b3-sampled", "1"), ("x-b3-traceid", &trace), ("x-b3-spanid", &trace[16..])];
            for (name, value) in headers {
                request = request.header(name, value);
            }
        }
        let answer = client.request(request.body(http_body_util::Empty::new()).unwrap()).await.unwrap();
        assert_eq!(answer.status().as_u16(), if failed { 503 } else { 200 }, "{path}");
    }
}

/// What the values of metrics of a name add up to.
fn sum(seen: &Seen, name: &str, value: impl Fn(&Value) -> &Value) -> f64 {
    let of_name = seen.metrics.iter().filter(|metric| metric["name"] == name);
    of_name.map(|metric| value(metric).as_f64().unwrap_or_else(|| panic!("{metric:#}"))).sum()
}

fn requests(seen: &Seen) -> f64 {
    sum(seen, "istio.request.total", |metric| &metric["value"])
}

fn check(seen: &Seen) {
    assert_eq!(seen.faults, [] as [String; 0]);
    assert_eq!(requests(seen), REQUESTS as f64);
    for name in ["istio.request.bytes", "istio.request.duration.milliseconds", "istio.response.bytes"] {
        assert_eq!(sum(seen, name, |metric| &metric["value"]["count"]), REQUESTS as f64, "{name}");
    }
    let failed = seen.metrics.iter().filter(|metric| {
        metric["name"] == "istio.request.total" && metric["attributes"]["response.code"] == 503
    });
    assert_eq!(failed.map(|metric| metric["value"].as_f64().unwrap()).sum::<f64>(), FAILED as f64);
    assert_eq!((seen.spans.len(), seen.logs.len()), (TRACED, FAILED));
    for request in &seen.requests {
        assert!(backend::HOSTS.contains(&request.host.as_str()), "{}", request.host);
    }
}
