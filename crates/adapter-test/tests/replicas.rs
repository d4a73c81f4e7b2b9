//! More replicas of an adapter behind one name: the calls of a server that runs on spread over them within the age of
//! the adapter's connections, and none of them fails.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use mixer_adapter_sdk::{
    Adapter, AdapterInfo, BuildError, FieldProblem, Handler, HandlerError, HandlerSpec, Process, Registry,
    ReportCall, ReportOutcome, ServeArgs, Server,
};
use mixer_attribute::Bag;
use mixer_config::{CompileOptions, ReadOptions, compile, parse_documents};
use mixer_dispatch::{Engine, EngineOptions, Resolve};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

const CONFIG: &str = "
apiVersion: config.istio.io/v1alpha2
kind: adapter
metadata: {name: counting, namespace: istio-system}
spec: {session_based: false, templates: [reportnothing]}
---
apiVersion: config.istio.io/v1alpha2
kind: handler
metadata: {name: h, namespace: istio-system}
spec: {adapter: counting, connection: {address: 'dns:///adapter.example:8080'}}
---
apiVersion: config.istio.io/v1alpha2
kind: instance
metadata: {name: i, namespace: istio-system}
spec: {template: reportnothing}
---
apiVersion: config.istio.io/v1alpha2
kind: rule
metadata: {name: r, namespace: istio-system}
spec: {actions: [{handler: h, instances: [i]}]}
";

/// Counts its calls.
struct Counting(AdapterInfo, Arc<AtomicUsize>);

impl Adapter for Counting {
    fn info(&self) -> &AdapterInfo {
        &self.0
    }

    fn validate(&self, _: &HandlerSpec) -> Vec<FieldProblem> {
        Vec::new()
    }

    fn build(&self, _: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        let handler: Arc<dyn Handler> = Arc::new(Calls(self.1.clone()));
        Box::pin(std::future::ready(Ok(handler)))
    }
}

struct Calls(Arc<AtomicUsize>);

impl Handler for Calls {
    fn report<'a>(&'a self, _: ReportCall<'a>) -> BoxFuture<'a, Result<ReportOutcome, HandlerError>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(ReportOutcome::complete()) })
    }
}

/// A replica, whose connections end after a second.
async fn replica() -> (SocketAddr, Arc<AtomicUsize>) {
    let calls = Arc::<AtomicUsize>::default();
    let info = AdapterInfo {
        name: "counting",
        aliases: &[],
        description: "Counts.",
        templates: &["reportnothing"],
        config_descriptor: &[],
        config_message: "",
    };
    let process = Process::new(Arc::new(Counting(info, calls.clone())));
    let args =
        ServeArgs { no_monitoring: true, max_connection_age: Duration::from_secs(1), ..ServeArgs::default() };
    let server = Server::of(process, args).await.unwrap();
    let address = server.address().to_string().parse().unwrap();
    tokio::spawn(server.run(std::future::pending()));
    (address, calls)
}

/// The name service, which tells when it is asked.
#[derive(Debug, Default)]
struct Names(Mutex<Vec<SocketAddr>>, Notify);

impl Resolve for Names {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, std::io::Result<Vec<SocketAddr>>> {
        self.1.notify_one();
        Box::pin(std::future::ready(Ok(self.0.lock().clone())))
    }
}

#[tokio::test]
async fn calls_spread_over_replicas_within_the_age_of_a_connection() {
    let names = Arc::new(Names::default());
    let options = EngineOptions { resolver: names.clone(), ..EngineOptions::default() };
    let engine = Engine::new(options, Registry::default(), &prometheus::Registry::new()).unwrap();
    let (first, first_calls) = replica().await;
    names.0.lock().push(first);
    let (resources, problems) = parse_documents("replicas.yaml", CONFIG, &ReadOptions::default());
    assert!(problems.is_empty(), "{problems:?}");
    let compiled = compile(&resources, &Registry::default(), &CompileOptions::default());
    engine.apply(compiled.snapshot).await;
    let report = async || {
        let runtime = engine.current();
        let mut reporter = runtime.reporter();
        reporter.add(&mut Bag::new(runtime.vocabulary().clone())).await;
        let outcome = reporter.flush(None).await;
        assert!(outcome.dispatched == 1 && outcome.failed.is_empty(), "{outcome:?}");
    };
    for _ in 0..20 {
        report().await;
    }
    assert_eq!(first_calls.load(Ordering::Relaxed), 20);

    let (second, second_calls) = replica().await;
    let (third, third_calls) = replica().await;
    names.0.lock().extend([second, third]);
    let counts = || [&first_calls, &second_calls, &third_calls].map(|calls| calls.load(Ordering::Relaxed));
    let asked = names.1.notified();
    let spread = async {
        // The first permit is from before there were more; then the server looks by itself, without a call.
        asked.await;
        names.1.notified().await;
        while counts()[1..].contains(&0) {
            report().await;
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), spread).await.unwrap();
    let before = counts();
    for _ in 0..30 {
        report().await;
    }
    let after = counts();
    let shares: Vec<_> = before.iter().zip(after).map(|(before, after)| after - before).collect();
    assert!(shares.iter().all(|share| (5..=15).contains(share)), "{shares:?}");
}
