//! Shipped adapters through scenarios: each hosted and behind the SDK's gRPC server, and both must do the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use mixer_adapter_sdk::Adapter;
use mixer_adapter_test::{Subject, check};
use mixer_prometheus_adapter::{Format, PrometheusAdapter};
use mixer_testkit::otlp_flat as flat;
use mixer_testkit::{FakeGoogle, FakeNewRelic, Seen};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios");

async fn both(name: &str, adapter: fn() -> Arc<dyn Adapter>, more: fn(Subject) -> Subject) {
    for subject in [Subject::hosted(adapter()), Subject::served(adapter())] {
        let shown = format!("{name}, {subject:?}");
        check(format!("{FOLDER}/{name}.yaml"), &more(subject))
            .await
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
    }
}

/// What the adapter sends to a Unix socket is observed.
async fn datagrams(name: &str, adapter: fn() -> Arc<dyn Adapter>) {
    for reach in [Subject::hosted as fn(Arc<dyn Adapter>) -> Subject, Subject::served] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let subject = reach(adapter()).replace("SOCKET", format!("unixgram://{}", path.display()));
        let subject = subject.observe(move || {
            let mut buffer = [0; 65_536];
            let mut text = String::new();
            while let Ok(length) = socket.recv(&mut buffer) {
                text += &String::from_utf8_lossy(&buffer[..length]);
            }
            async move { text }
        });
        check(format!("{FOLDER}/{name}.yaml"), &subject)
            .await
            .unwrap_or_else(|error| panic!("{subject:?}: {error}"));
    }
}

#[tokio::test]
async fn denier() {
    both("denier", mixer_denier_adapter::adapter, |subject| subject).await;
}

#[tokio::test]
async fn dogstatsd() {
    datagrams("dogstatsd", mixer_dogstatsd_adapter::adapter).await;
}

#[tokio::test]
async fn list() {
    both("list", mixer_list_adapter::adapter, |subject| subject).await;
}

#[tokio::test]
async fn memquota() {
    both("memquota", mixer_memquota_adapter::adapter, |subject| subject).await;
}

/// What arrives at a fake collector, without the times of harvests.
#[tokio::test]
async fn otlp() {
    for reach in [Subject::hosted as fn(Arc<dyn Adapter>) -> Subject, Subject::served] {
        let fake = mixer_testkit::FakeCollector::start(None).await.unwrap();
        let subject = reach(mixer_otlp_adapter::adapter()).replace("ENDPOINT", fake.endpoint());
        let subject = subject.observe(move || {
            let seen = fake.seen();
            let mut lines = Vec::new();
            for (signal, items) in
                [("metric", flat::metrics(&seen)), ("log", flat::logs(&seen)), ("span", flat::spans(&seen))]
            {
                lines.extend(items.into_iter().map(|mut item| {
                    item.sort_all_objects();
                    format!("{signal} {item}")
                }));
            }
            lines.extend(seen.faults.iter().map(|fault| format!("fault {fault}")));
            async move { lines.join("\n") }
        });
        check(format!("{FOLDER}/otlp.yaml"), &subject)
            .await
            .unwrap_or_else(|error| panic!("{subject:?}: {error}"));
    }
}

#[tokio::test]
async fn prometheus() {
    for reach in [Subject::hosted as fn(Arc<dyn Adapter>) -> Subject, Subject::served] {
        let adapter = Arc::new(PrometheusAdapter::new("127.0.0.1:0".parse().unwrap()));
        let store = adapter.clone();
        let subject = reach(adapter).observe(move || {
            let text = store.render(Format::Text);
            async move { text }
        });
        check(format!("{FOLDER}/prometheus.yaml"), &subject)
            .await
            .unwrap_or_else(|error| panic!("{subject:?}: {error}"));
    }
}

#[tokio::test]
async fn statsd() {
    datagrams("statsd", mixer_statsd_adapter::adapter).await;
}

#[tokio::test]
async fn stdio() {
    for reach in [Subject::hosted as fn(Arc<dyn Adapter>) -> Subject, Subject::served] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        let file = folder.path().join("log");
        let subject = reach(mixer_stdio_adapter::adapter()).replace("FOLDER", path).observe(move || {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            async move { text }
        });
        check(format!("{FOLDER}/stdio.yaml"), &subject)
            .await
            .unwrap_or_else(|error| panic!("{subject:?}: {error}"));
    }
}

#[tokio::test]
async fn newrelic() {
    at_new_relic("newrelic").await;
}

/// With the rules that the adapter brings along.
#[tokio::test]
async fn newrelic_mesh() {
    at_new_relic("newrelic-mesh").await;
}

/// What arrives at a fake of New Relic, without the times of the harvest.
async fn at_new_relic(name: &str) {
    for reach in [Subject::hosted as fn(Arc<dyn Adapter>) -> Subject, Subject::served] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "0123456789").unwrap();
        let fake = FakeNewRelic::start("0123456789").await.unwrap();
        let now = mixer_attribute::Timestamp::now().to_string();
        let subject = reach(mixer_newrelic_adapter::adapter())
            .replace("FOLDER", folder.path().to_str().unwrap())
            .replace("ADDRESS_OF_FAKE", fake.address().to_string())
            // To the second.
            .replace("TIME", now.get(..19).unwrap())
            .observe(move || {
                let seen = fake.seen();
                async move { shown(seen) }
            });
        check(format!("{FOLDER}/{name}.yaml"), &subject)
            .await
            .unwrap_or_else(|error| panic!("{subject:?}: {error}"));
    }
}

fn shown(seen: Seen) -> String {
    let mut lines = Vec::new();
    for (api, items) in
        [("metric", seen.metrics), ("span", seen.spans), ("log", seen.logs), ("event", seen.events)]
    {
        for mut item in items {
            let fields = item.as_object_mut().unwrap();
            fields.shift_remove("interval.ms");
            let millis = fields.shift_remove("timestamp").unwrap().as_u64().unwrap() % 1000;
            let at = if api == "metric" { String::new() } else { format!(" at .{millis:03}") };
            item.sort_all_objects();
            lines.push(format!("{api}{at} {item}"));
        }
    }
    lines.extend(seen.faults.iter().map(|fault| format!("fault {fault}")));
    lines.sort();
    lines.join("\n")
}

/// What has arrived, without what time and chance say.
fn arrived(fake: &FakeGoogle) -> String {
    let seen = fake.seen();
    let lines = seen.series.iter().chain(&seen.entries).chain(&seen.spans).cloned();
    let mut lines: Vec<String> = lines
        .map(|mut line| {
            if let Some(fields) = line.as_object_mut() {
                fields.remove("insertId");
            }
            if let Some(point) = line.pointer_mut("/points/0").and_then(|point| point.as_object_mut()) {
                point.remove("interval");
            }
            line.to_string()
        })
        .collect();
    lines.extend(seen.faults);
    lines.join("\n")
}

#[tokio::test]
async fn stackdriver() {
    for reach in [Subject::hosted as fn(Arc<dyn Adapter>) -> Subject, Subject::served] {
        let folder = tempfile::tempdir().unwrap();
        let fake = FakeGoogle::start("my-project").await.unwrap();
        let key = folder.path().join("key.json");
        std::fs::write(&key, fake.service_account("key-1")).unwrap();
        let subject = reach(mixer_stackdriver_adapter::adapter())
            .replace("ENDPOINT", fake.endpoint())
            .replace("KEY", key.to_str().unwrap())
            .observe(move || {
                let text = arrived(&fake);
                async move { text }
            });
        check(format!("{FOLDER}/stackdriver.yaml"), &subject)
            .await
            .unwrap_or_else(|error| panic!("{subject:?}: {error}"));
    }
}
