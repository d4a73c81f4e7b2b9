//! Shipped adapters through scenarios: each hosted and behind the SDK's gRPC server, and both must do the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use mixer_adapter_sdk::Adapter;
use mixer_adapter_test::{Subject, check};
use mixer_prometheus_adapter::{Format, PrometheusAdapter};
use mixer_testkit::otlp_flat as flat;

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
