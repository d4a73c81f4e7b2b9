//! How long it takes to take in a report of known and of new label sets, and to write a scrape.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "../src/generated.rs"]
mod generated;

use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use generated::Params;
use generated::params::MetricInfo;
use generated::params::metric_info::Kind;
use mixer_adapter_sdk::{Adapter as _, Batch, BatchBuilder, Handler, HandlerSpec, ReportCall};
use mixer_prometheus_adapter::{Format, PrometheusAdapter};
use mixer_proto::policy::v1beta1::{Value, value};
use mixer_proto::template::metric::InstanceMsg;
use prost::Message as _;

/// The labels of the stock HTTP metrics with values of the usual lengths.
const LABELS: [(&str, &str); 19] = [
    ("connection_security_policy", "mutual_tls"),
    ("destination_app", "reviews"),
    ("destination_principal", "cluster.local/ns/default/sa/bookinfo-reviews"),
    ("destination_service", "reviews.default.svc.cluster.local"),
    ("destination_service_name", "reviews"),
    ("destination_service_namespace", "default"),
    ("destination_version", "v3"),
    ("destination_workload", "reviews-v3"),
    ("destination_workload_namespace", "default"),
    ("permissive_response_code", "none"),
    ("permissive_response_policyid", "none"),
    ("reporter", "destination"),
    ("request_protocol", "http"),
    ("response_flags", "-"),
    ("source_app", "productpage"),
    ("source_principal", "cluster.local/ns/default/sa/bookinfo-productpage"),
    ("source_version", "v1"),
    ("source_workload", "productpage-v1"),
    ("source_workload_namespace", "default"),
];

const METRICS: [(&str, Kind); 4] = [
    ("requestcount", Kind::Counter),
    ("requestduration", Kind::Distribution),
    ("requestsize", Kind::Distribution),
    ("responsesize", Kind::Distribution),
];

const BAGS: usize = 100;

fn main() {
    divan::main();
}

fn instance_name(metric: &str) -> Arc<str> {
    format!("{metric}.instance.istio-system").into()
}

fn build(runtime: &tokio::runtime::Runtime) -> (PrometheusAdapter, Arc<dyn Handler>) {
    let metrics = METRICS.iter().map(|(name, kind)| MetricInfo {
        name: (*name).to_owned(),
        instance_name: instance_name(name).to_string(),
        kind: (*kind).into(),
        label_names: LABELS.iter().map(|(label, _)| (*label).to_owned()).collect(),
        ..Default::default()
    });
    let params = Params { metrics: metrics.collect(), ..Default::default() };
    let spec =
        HandlerSpec { name: "prometheus".into(), params: params.encode_to_vec().into(), instances: vec![] };
    let adapter = PrometheusAdapter::new("127.0.0.1:0".parse().unwrap());
    let handler = runtime.block_on(adapter.build(spec)).unwrap();
    (adapter, handler)
}

/// One instance as the server encodes it: fields by number, entries sorted by key.
fn instance(metric: &str, path: usize) -> Bytes {
    let text = |text: String| Value { value: Some(value::Value::StringValue(text)) };
    let mut dimensions: std::collections::BTreeMap<_, _> =
        LABELS.iter().map(|(label, value)| ((*label).to_owned(), text((*value).to_owned()))).collect();
    dimensions.insert("source_workload".to_owned(), text(format!("productpage-v{path}")));
    let message = InstanceMsg {
        name: instance_name(metric).to_string(),
        value: Some(Value { value: Some(value::Value::Int64Value(1)) }),
        dimensions,
        ..Default::default()
    };
    message.encode_to_vec().into()
}

/// A report of 100 requests with that many different label sets.
fn report(label_sets: usize, first: usize) -> Batch {
    let mut builder = BatchBuilder::new();
    for bag in 0..BAGS {
        for (metric, _) in METRICS {
            builder.push(&instance_name(metric), &instance(metric, first + bag % label_sets));
        }
    }
    builder.finish()
}

/// Items are bags: four instances of 19 dimensions each.
#[divan::bench(args = [1, 10, 100])]
fn known_label_sets(bencher: Bencher<'_, '_>, label_sets: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (_adapter, handler) = build(&runtime);
    let batch = report(label_sets, 0);
    bencher.counter(ItemsCount::new(BAGS)).bench_local(|| {
        let call = ReportCall { template: "metric", batch: batch.clone(), deadline: None };
        let outcome = futures_now(handler.report(call));
        assert!(outcome.dropped.is_empty());
    });
}

/// As `known_label_sets` by two threads at once.
#[divan::bench(args = [1, 100], threads = [2])]
fn known_label_sets_by_two(bencher: Bencher<'_, '_>, label_sets: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (_adapter, handler) = build(&runtime);
    let batch = report(label_sets, 0);
    bencher.counter(ItemsCount::new(BAGS)).bench(|| {
        let call = ReportCall { template: "metric", batch: batch.clone(), deadline: None };
        let outcome = futures_now(handler.report(call));
        assert!(outcome.dropped.is_empty());
    });
}

/// Items are bags, each with label sets that were never seen.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn new_label_sets(bencher: Bencher<'_, '_>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (_adapter, handler) = build(&runtime);
    let mut first = 0;
    bencher
        .counter(ItemsCount::new(BAGS))
        .with_inputs(|| {
            first += BAGS;
            report(BAGS, first)
        })
        .bench_local_values(|batch| {
            let call = ReportCall { template: "metric", batch, deadline: None };
            futures_now(handler.report(call))
        });
}

/// Items are label sets of the four metrics.
#[divan::bench(args = [100, 10_000], sample_count = 10)]
fn scrape(bencher: Bencher<'_, '_>, label_sets: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (adapter, handler) = build(&runtime);
    for first in (0..label_sets).step_by(BAGS) {
        let call = ReportCall { template: "metric", batch: report(BAGS, first), deadline: None };
        futures_now(handler.report(call));
    }
    bencher.counter(ItemsCount::new(label_sets)).bench_local(|| adapter.render(Format::Text));
}

/// The same in protobuf.
#[divan::bench(args = [10_000], sample_count = 10)]
fn scrape_protobuf(bencher: Bencher<'_, '_>, label_sets: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (adapter, handler) = build(&runtime);
    for first in (0..label_sets).step_by(BAGS) {
        let call = ReportCall { template: "metric", batch: report(BAGS, first), deadline: None };
        futures_now(handler.report(call));
    }
    bencher.counter(ItemsCount::new(label_sets)).bench_local(|| adapter.render_protobuf());
}

/// The answer of a future that never waits.
fn futures_now<T, E: std::fmt::Debug>(future: impl Future<Output = Result<T, E>>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(result) => result.unwrap(),
        std::task::Poll::Pending => unreachable!("a report is taken at once"),
    }
}
