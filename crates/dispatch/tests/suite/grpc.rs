//! Adapters that are processes of their own, over loopback sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mixer_adapter_api::{BoxFuture, CheckResult, ErrorKind, HandlerError, QuotaResult, Status};
use mixer_dispatch::{EngineOptions, QuotaRequest, Resolve};
use mixer_proto::template::kubernetes::OutputMsg;
use mixer_testkit::{GrpcAdapter, Method};
use parking_lot::Mutex;
use prost::Message;

use crate::support::World;

const METHODS: [(&str, Method); 5] = [
    ("/listentry.HandleListEntryService/HandleListEntry", Method::Check),
    ("/metric.HandleMetricService/HandleMetric", Method::Report),
    ("/quota.HandleQuotaService/HandleQuota", Method::Quota),
    ("/adapter.template.kubernetes.HandleKubernetesService/HandleKubernetes", Method::Generate),
    ("/lookup.HandleLookupService/HandleLookup", Method::CheckWithOutput),
];

const CONFIG: &str = "
    template istio-system/lookup {descriptor: ${proto:lookup}}
    adapter istio-system/far {templates: [listentry, metric, quota, kubernetes, lookup], session_based: false, config: ${proto:params}}
    handler istio-system/h {adapter: far, connection: {address: \"${address}\"${timeout}}, params: {refresh_url: somewhere}}
    instance istio-system/e {template: listentry, params: {value: source.name | \"nobody\"}}
    instance istio-system/m {compiledTemplate: metric, params: {value: request.size | 0}}
    instance istio-system/q {template: quota}
    instance istio-system/k {template: kubernetes, params: {source_uid: source.uid}, attributeBindings: {source.name: output.source_pod_uid}}
    instance istio-system/l {template: lookup, params: {key: source.name}}
";

const CHECKS: &str = "rule istio-system/r {actions: [{handler: h, instances: [e]}]}\n";
const REPORTS: &str = "rule istio-system/s {actions: [{handler: h, instances: [m]}]}\n";

/// `CONFIG` and rules for an adapter at an address.
fn config(address: impl ToString, rules: &str) -> String {
    let text = format!("{CONFIG}{rules}").replace("${timeout}", "");
    text.replace("${address}", &address.to_string())
}

async fn start(rules: &str) -> (World, GrpcAdapter) {
    start_with(rules, EngineOptions::default()).await
}

async fn start_with(rules: &str, options: EngineOptions) -> (World, GrpcAdapter) {
    let world = World::with(options);
    let adapter = GrpcAdapter::start(&world.recorder, "far", &METHODS).unwrap();
    let report = world.apply(&config(adapter.address(), rules)).await;
    assert_eq!(report.failures, []);
    (world, adapter)
}

#[tokio::test]
async fn a_check() {
    let (world, _adapter) = start(CHECKS).await;
    world.recorder.script("far", |script| {
        script.check = Ok(CheckResult {
            status: Status::new(7, "not you"),
            valid_duration: Duration::from_millis(1500),
            valid_use_count: 3,
        });
    });
    let mut ids = Vec::new();
    for _ in 0..3 {
        let outcome = world.check("source.name=bob").await.unwrap();
        assert_eq!(
            (outcome.status.code, outcome.status.message.as_str()),
            (7, "h.handler.istio-system:not you")
        );
        assert_eq!((outcome.valid_duration, outcome.valid_use_count), (Duration::from_millis(1500), 3));
        let call = world.recorder.take_calls().remove(0);
        assert_eq!((call.names(), call.texts()), (vec!["e.instance.istio-system"], vec!["bob".to_owned()]));
        let (url, params) = call.adapter_config.unwrap();
        assert_eq!(url, "type.googleapis.com/params.Params");
        assert_eq!(&*params, b"\x0a\x09somewhere");
        ids.push(call.dedup_id.parse::<u64>().unwrap());
    }
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{ids:?}");
}

#[tokio::test]
async fn a_report_is_one_call_for_all_bags() {
    let (world, adapter) = start(REPORTS).await;
    let summary = world.report(&["request.size=1", "request.size=2", "request.size=300"]).await;
    assert_eq!((summary.dispatched, summary.failed.len()), (3, 0));
    let calls = world.recorder.take_calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].texts(), ["1", "2", "300"]);
    assert!(calls[0].adapter_config.is_some());
    assert_eq!(adapter.connections(), 1);
}

#[tokio::test]
async fn a_quota() {
    let (world, _adapter) = start("rule istio-system/r {actions: [{handler: h, instances: [q]}]}").await;
    world.recorder.script("far", |script| {
        let status = Status::new(8, "used up");
        script.quota = Ok(QuotaResult { status, valid_duration: Duration::from_secs(1), amount: 2 });
    });
    let quotas = [QuotaRequest { name: "q", amount: 7, best_effort: true }];
    let outcome = world.check_with("", &quotas, "id-").await.unwrap().quotas.remove(0).1;
    assert_eq!((outcome.amount, outcome.status.code), (2, 8), "the adapter's status is kept");
    world.check_with("", &quotas, "").await.unwrap();
    let calls = world.recorder.take_calls();
    assert_eq!((calls[0].amount, calls[0].best_effort, calls[0].dedup_id.as_str()), (7, true, "id-q"));
    assert!(calls[1].dedup_id.parse::<u64>().is_ok(), "a number of our own: {}", calls[1].dedup_id);
}

#[tokio::test]
async fn output_of_adapters() {
    let rules = "rule istio-system/g {match: source.uid != \"\", actions: [{handler: h, instances: [k]}]}
        rule istio-system/r {actions: [{handler: h, instances: [l], name: found}], requestHeaderOperations: [{name: x, values: [found.output.value]}]}";
    let (world, _adapter) = start(rules).await;
    // Field 1 of one output is text, of the other an address.
    let output = OutputMsg { source_pod_uid: "pod".to_owned(), ..OutputMsg::default() }.encode_to_vec();
    let value = b"\x0a\x05admin";
    world.recorder.script("far", |script| script.output = Ok([&output[..], value].concat().into()));
    let error = world.check("source.uid=u").await.unwrap_err();
    assert!(error.to_string().contains("k.instance.istio-system"), "{error}");
    world.recorder.script("far", |script| script.output = Ok(Bytes::from_static(value)));
    let outcome = world.check("source.name=a").await.unwrap();
    assert_eq!(outcome.route_directive.unwrap().request_headers[0].value, "admin");
    world.recorder.script("far", |script| script.output = Ok(output.into()));
    world.check("source.uid=u").await.unwrap();
    let calls = world.recorder.take_calls();
    assert_eq!(calls.last().unwrap().texts(), ["pod"], "the generated name went into the lookup");
}

#[tokio::test]
async fn a_session_based_adapter_gets_no_configuration() {
    let world = World::with(EngineOptions::default());
    let adapter = GrpcAdapter::start(&world.recorder, "far", &METHODS).unwrap();
    world
        .apply(&config(adapter.address(), CHECKS).replace("session_based: false", "session_based: true"))
        .await;
    world.check("").await.unwrap();
    assert_eq!(world.recorder.take_calls()[0].adapter_config, None);
}

#[tokio::test]
async fn what_an_adapter_answers_instead() {
    let (world, adapter) = start(CHECKS).await;
    for kind in [
        ErrorKind::Unavailable,
        ErrorKind::DeadlineExceeded,
        ErrorKind::InvalidArgument,
        ErrorKind::Unimplemented,
        ErrorKind::Failed,
    ] {
        let error = HandlerError::new(kind, "so it says");
        world.recorder.script("far", |script| script.check = Err(error));
        let error = world.check("").await.unwrap_err();
        assert_eq!(error.kind(), kind);
        let text = error.to_string();
        for part in ["h.handler.istio-system", "adapter far", &adapter.address().to_string(), "so it says"] {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[tokio::test]
async fn a_late_adapter() {
    let world = World::with(EngineOptions::default());
    let adapter = GrpcAdapter::start(&world.recorder, "far", &METHODS).unwrap();
    world.recorder.script("far", |script| script.pause = Duration::from_secs(30));
    world
        .apply(&config(adapter.address(), CHECKS).replace("\"}, params", "\", timeout: 0.05s}, params"))
        .await;
    let start = Instant::now();
    let error = world.check("").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error}");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(error.to_string().contains("in time"), "{error}");
}

/// Checks until the adapter answers.
async fn until_it_answers(world: &World) {
    let checks = async {
        while world.check("").await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), checks).await.unwrap();
}

#[tokio::test]
async fn an_adapter_that_dies_and_comes_back() {
    let (world, adapter) = start(CHECKS).await;
    until_it_answers(&world).await;
    let address = adapter.address();
    drop(adapter);
    let mut kinds = Vec::new();
    for _ in 0..20 {
        kinds.push(world.check("").await.unwrap_err().kind());
    }
    assert!(
        kinds.iter().all(|kind| [ErrorKind::Unavailable, ErrorKind::BreakerOpen].contains(kind)),
        "{kinds:?}"
    );
    assert!(kinds.contains(&ErrorKind::BreakerOpen), "{kinds:?}");
    let opened = [("handler", "h.handler.istio-system")];
    assert_eq!(world.metric("mixer_handler_breaker_openings_total", &opened), 1.0);
    let _adapter = GrpcAdapter::start_at(address, &world.recorder, "far", &METHODS).unwrap();
    until_it_answers(&world).await;
    for _ in 0..20 {
        world.check("").await.unwrap();
    }
}

#[tokio::test]
async fn a_change_elsewhere_keeps_the_connection() {
    let (world, adapter) = start(CHECKS).await;
    until_it_answers(&world).await;
    let rule = "rule istio-system/other {match: source.user == \"x\", requestHeaderOperations: [{name: a, operation: REMOVE}]}";
    let report = world.apply(&config(adapter.address(), &format!("{CHECKS}{rule}"))).await;
    assert_eq!((report.built, report.reused), (0, 1));
    world.check("").await.unwrap();
    assert_eq!(adapter.connections(), 1);
    let changed = config(adapter.address(), CHECKS).replace("somewhere", "elsewhere");
    let report = world.apply(&changed).await;
    assert_eq!((report.built, report.closing), (1, 1));
    world.check("").await.unwrap();
    assert_eq!(adapter.connections(), 2);
    assert_eq!(
        world.recorder.take_calls().last().unwrap().adapter_config.as_ref().unwrap().1,
        &b"\x0a\x09elsewhere"[..]
    );
}

/// Names that mean what the test says.
#[derive(Debug, Default)]
struct Names(Mutex<Vec<SocketAddr>>);

impl Resolve for Names {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, std::io::Result<Vec<SocketAddr>>> {
        Box::pin(std::future::ready(Ok(self.0.lock().clone())))
    }
}

#[tokio::test]
async fn calls_are_spread_over_all_addresses_and_avoid_a_dead_one() {
    let names = Arc::new(Names::default());
    let world = World::with(EngineOptions { resolver: names.clone(), ..EngineOptions::default() });
    let first = GrpcAdapter::start(&world.recorder, "first", &METHODS).unwrap();
    let second = GrpcAdapter::start(&world.recorder, "second", &METHODS).unwrap();
    let third = GrpcAdapter::start(&world.recorder, "third", &METHODS).unwrap();
    *names.0.lock() = vec![first.address(), second.address(), third.address()];
    world.apply(&config("adapter.example:8080", CHECKS)).await;
    let count = |world: &World| {
        let calls = world.recorder.take_calls();
        ["first", "second", "third"].map(|name| calls.iter().filter(|call| call.handler == name).count())
    };
    for _ in 0..30 {
        world.check("").await.unwrap();
    }
    assert_eq!(count(&world), [10, 10, 10]);
    drop(second);
    let mut failed = 0;
    for _ in 0..60 {
        failed += usize::from(world.check("").await.is_err());
    }
    let calls = count(&world);
    assert!(failed <= 2, "a connection that is refused leads to another address: {failed}");
    assert_eq!(calls[1], 0);
    assert!(calls[0] >= 25 && calls[2] >= 25, "{calls:?}");
}

#[tokio::test]
async fn a_name_without_address_says_so() {
    let world =
        World::with(EngineOptions { resolver: Arc::new(Names::default()), ..EngineOptions::default() });
    world.apply(&config("adapter.example:8080", CHECKS)).await;
    let error = world.check("").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let text = error.to_string();
    assert!(text.contains("adapter.example:8080") && text.contains("connection.address"), "{text}");
}

#[tokio::test]
async fn a_socket_in_the_file_system() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("adapter.sock");
    let world = World::with(EngineOptions::default());
    let address = format!("unix://{}", path.display());
    world.apply(&config(&address, CHECKS)).await;
    let error = world.check("").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let service = mixer_rpc::raw::HandlerService::new()
        .method(METHODS[0].0, |_| async { Ok(Bytes::from_static(b"\x0a\x02\x08\x07")) });
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let incoming = tokio_stream::wrappers::UnixListenerStream::new(listener);
    let routes = service.mount(tonic::service::Routes::default());
    tokio::spawn(tonic::transport::Server::builder().add_routes(routes).serve_with_incoming(incoming));
    until_it_answers(&world).await;
    assert_eq!(world.check("").await.unwrap().status.code, 7);
}

#[tokio::test]
async fn a_slow_adapter_holds_up_no_other() {
    let rules = "
        handler istio-system/near {compiledAdapter: recording}
        rule istio-system/s {actions: [{handler: h, instances: [m]}, {handler: near, instances: [m]}]}";
    let (world, _adapter) = start(rules).await;
    let gate = Arc::new(tokio::sync::Notify::new());
    world.recorder.script("far", |script| script.gate = Some(gate.clone()));
    let runtime = world.engine.current();
    let mut reporter = runtime.reporter();
    reporter.add(&mut crate::support::bag_of(&runtime, "")).await;
    let flush = tokio::spawn(reporter.flush(None));
    let both_called = async {
        let mut seen = 0;
        while seen < 2 {
            seen += world.recorder.take_calls().len();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), both_called).await.unwrap();
    gate.notify_one();
    assert_eq!(flush.await.unwrap().dispatched, 2);
}
