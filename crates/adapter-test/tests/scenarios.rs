//! Shipped adapters through scenarios: each hosted and behind the SDK's gRPC server, and both must do the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use mixer_adapter_sdk::Adapter;
use mixer_adapter_test::{Subject, check};
use mixer_prometheus_adapter::{Format, PrometheusAdapter};
use mixer_testkit::FakeGoogle;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios");

async fn both(name: &str, adapter: fn() -> Arc<dyn Adapter>, more: fn(Subject) -> Subject) {
    for subject in [Subject::hosted(adapter()), Subject::served(adapter())] {
        let shown = format!("{name}, {subject:?}");
        check(format!("{FOLDER}/{name}.yaml"), &more(subject))
            .await
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
    }
}

#[tokio::test]
async fn denier() {
    both("denier", mixer_denier_adapter::adapter, |subject| subject).await;
}

#[tokio::test]
async fn list() {
    both("list", mixer_list_adapter::adapter, |subject| subject).await;
}

#[tokio::test]
async fn memquota() {
    both("memquota", mixer_memquota_adapter::adapter, |subject| subject).await;
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
