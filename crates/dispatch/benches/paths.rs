//! What dispatch costs: a report of a hundred bags with the stock metrics, and checks with few and many rules.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use mixer_adapter_api::{
    Adapter, AdapterInfo, BoxFuture, BuildError, Call, CheckResult, FieldProblem, Handler, HandlerError,
    HandlerSpec, Registry, ReportCall, ReportOutcome,
};
use mixer_attribute::{Bag, Cell, ValueType};
use mixer_config::{CompileOptions, ReadOptions, compile, parse_documents};
use mixer_dispatch::{Engine, EngineOptions, Runtime};

fn main() {
    divan::main();
}

/// An adapter that looks at every instance and does nothing with it.
struct Null;

static INFO: AdapterInfo = AdapterInfo {
    name: "null",
    aliases: &[],
    description: "Does nothing.",
    templates: &["metric", "listentry"],
    config_descriptor: &[],
    config_message: "",
};

impl Adapter for Null {
    fn info(&self) -> &AdapterInfo {
        &INFO
    }

    fn validate(&self, _: &HandlerSpec) -> Vec<FieldProblem> {
        Vec::new()
    }

    fn build(&self, _: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        Box::pin(std::future::ready(Ok(Arc::new(NullHandler::default()) as Arc<dyn Handler>)))
    }
}

#[derive(Default)]
struct NullHandler(AtomicUsize);

impl Handler for NullHandler {
    fn check<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<CheckResult, HandlerError>> {
        self.0.fetch_add(call.bytes.len(), Ordering::Relaxed);
        Box::pin(std::future::ready(Ok(CheckResult::default())))
    }

    fn report<'a>(&'a self, call: ReportCall<'a>) -> BoxFuture<'a, Result<ReportOutcome, HandlerError>> {
        let bytes: usize = call.batch.iter().map(|instance| instance.bytes.len()).sum();
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Box::pin(std::future::ready(Ok(ReportOutcome::complete())))
    }
}

const DIMENSIONS: &str = r#"
      reporter: conditional((context.reporter.kind | "inbound") == "outbound", "source", "destination")
      source_workload: source.workload.name | "unknown"
      source_workload_namespace: source.workload.namespace | "unknown"
      source_principal: source.principal | "unknown"
      source_app: source.labels["app"] | "unknown"
      source_version: source.labels["version"] | "unknown"
      destination_workload: destination.workload.name | "unknown"
      destination_workload_namespace: destination.workload.namespace | "unknown"
      destination_principal: destination.principal | "unknown"
      destination_app: destination.labels["app"] | "unknown"
      destination_version: destination.labels["version"] | "unknown"
      destination_service: destination.service.host | "unknown"
      destination_service_name: destination.service.name | "unknown"
      destination_service_namespace: destination.service.namespace | "unknown"
      request_protocol: api.protocol | context.protocol | "unknown"
      response_code: response.code | 200
      response_flags: context.proxy_error_code | "-"
      permissive_response_code: rbac.permissive.response_code | "none"
      connection_security_policy: conditional(connection.mtls | false, "mutual_tls", "none")"#;

fn resource(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: config.istio.io/v1alpha2\nkind: {kind}\nmetadata: {{name: {name}, namespace: istio-system}}\nspec:\n{spec}\n"
    )
}

fn engine(yaml: &str) -> Arc<Runtime> {
    let (resources, problems) = parse_documents("bench", yaml, &ReadOptions::default());
    assert_eq!(problems, []);
    let registry = Registry::new(vec![Arc::new(Null)]);
    let compiled = compile(&resources, &registry, &CompileOptions::default());
    assert_eq!(compiled.problems, []);
    let engine = Engine::new(EngineOptions::default(), registry, &prometheus::Registry::new()).unwrap();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio.block_on(engine.apply(compiled.snapshot));
    engine.current()
}

fn telemetry() -> Arc<Runtime> {
    let mut yaml = resource("handler", "h", "  compiledAdapter: 'null'");
    for (name, value) in [
        ("requestcount", "\"1\""),
        ("requestduration", "response.duration | \"0ms\""),
        ("requestsize", "request.size | 0"),
        ("responsesize", "response.size | 0"),
    ] {
        yaml += &resource(
            "instance",
            name,
            &format!(
                "  compiledTemplate: metric\n  params:\n    value: {value}\n    dimensions:{DIMENSIONS}"
            ),
        );
    }
    yaml += &resource(
        "rule",
        "promhttp",
        "  match: (context.protocol == \"http\" || context.protocol == \"grpc\") && (match((request.useragent | \"-\"), \"kube-probe*\") == false)\n  actions:\n  - {handler: h, instances: [requestcount, requestduration, requestsize, responsesize]}",
    );
    yaml += &resource(
        "rule",
        "promtcp",
        "  match: context.protocol == \"tcp\"\n  actions:\n  - {handler: h, instances: [requestcount]}",
    );
    engine(&yaml)
}

const ATTRIBUTES: &str = "destination.namespace=default context.protocol=http context.reporter.kind=inbound \
    source.workload.name=sleep source.workload.namespace=default source.principal=cluster.local/ns/default/sa/sleep \
    destination.workload.name=httpbin destination.workload.namespace=default \
    destination.principal=cluster.local/ns/default/sa/httpbin destination.service.host=httpbin.default.svc.cluster.local \
    destination.service.name=httpbin destination.service.namespace=default response.code=200 request.size=123 \
    response.size=4567 response.duration=12ms connection.mtls=true request.useragent=curl/7.64 \
    source.labels=app:sleep;version:v1 destination.labels=app:httpbin;version:v2";

fn bag(runtime: &Runtime, attributes: &str) -> Bag {
    let mut bag = Bag::new(runtime.vocabulary().clone());
    for word in attributes.split_whitespace() {
        let (name, value) = word.split_once('=').unwrap();
        let slot = runtime.vocabulary().slot(name).unwrap();
        match runtime.vocabulary().value_type(slot) {
            ValueType::Int64 => bag.set(slot, Cell::Int64(value.parse().unwrap())),
            ValueType::Bool => bag.set(slot, Cell::Bool(value.parse().unwrap())),
            ValueType::Duration => bag.set(slot, Cell::Duration(value.parse().unwrap())),
            ValueType::StringMap => {
                bag.set_text_map(slot, value.split(';').map(|entry| entry.split_once(':').unwrap()));
            }
            _ => bag.set_text(slot, value),
        }
    }
    bag
}

/// Hosted handlers answer at once: nothing waits, so nothing needs a runtime.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().unwrap()
}

/// A hundred bags, four instances with nineteen dimensions each.
#[divan::bench]
fn report_of_100_bags(bencher: divan::Bencher) {
    let runtime = telemetry();
    let mut bag = bag(&runtime, ATTRIBUTES);
    bencher.counter(divan::counter::ItemsCount::new(100usize)).bench_local(|| {
        let report = async {
            let mut reporter = runtime.reporter();
            for _ in 0..100 {
                reporter.add(&mut bag).await;
            }
            let summary = reporter.flush(None).await;
            assert_eq!(summary.dispatched, 400);
        };
        at_once(report);
    });
}

/// One rule matches; the others compare the same attribute with another text.
#[divan::bench(args = [1, 10, 100, 1000, 10_000])]
fn check_with_rules(bencher: divan::Bencher, rules: usize) {
    let mut yaml = resource("handler", "h", "  compiledAdapter: 'null'");
    yaml += &resource("instance", "e", "  compiledTemplate: listentry\n  params: {value: source.principal}");
    for rule in 0..rules {
        let host = if rule == rules / 2 { "httpbin".to_owned() } else { format!("svc{rule}") };
        yaml += &resource(
            "rule",
            &format!("r{rule}"),
            &format!(
                "  match: destination.service.host == \"{host}.default.svc.cluster.local\" && destination.service.name == \"httpbin\"\n  actions:\n  - {{handler: h, instances: [e]}}"
            ),
        );
    }
    let runtime = engine(&yaml);
    let mut bag = bag(&runtime, ATTRIBUTES);
    bencher.bench_local(|| {
        let outcome = at_once(runtime.check(&mut bag, &[], "", None)).unwrap();
        assert_eq!(outcome.calls.len(), 1);
        black_box(outcome)
    });
}
