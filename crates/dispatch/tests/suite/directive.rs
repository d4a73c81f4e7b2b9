//! Header operations of allowed requests, with adapter output in their values.

use bytes::Bytes;
use mixer_adapter_api::{CheckResult, Status};
use mixer_config::snapshot::HeaderOperation;
use mixer_dispatch::{EngineOptions, HeaderChange, RouteDirective};
use mixer_testkit::{GrpcAdapter, Method};
use prost::Message;

use crate::support::{World, bag_of, read};

const LOOKUP: &str = "
    template istio-system/lookup {descriptor: ${proto:lookup}}
    adapter istio-system/keys {templates: [lookup], session_based: false}
    handler istio-system/keys {adapter: keys, connection: {address: \"${address}\"}}
    handler istio-system/gate {compiledAdapter: recording}
    instance istio-system/user {template: lookup, params: {key: source.name | \"\"}}
    instance istio-system/uid {template: lookup, params: {key: source.uid | \"\"}}
    instance istio-system/n {compiledTemplate: checknothing}
";

#[derive(Clone, PartialEq, Message)]
struct Output {
    #[prost(string, tag = "1")]
    value: String,
    #[prost(int64, tag = "2")]
    size: i64,
    #[prost(btree_map = "string, string", tag = "3")]
    labels: std::collections::BTreeMap<String, String>,
}

fn output(value: &str, label: &str) -> Bytes {
    let labels = [("team".to_owned(), label.to_owned())].into();
    Output { value: value.to_owned(), size: 1, labels }.encode_to_vec().into()
}

async fn world(rules: &str) -> (World, GrpcAdapter) {
    let world = World::with(EngineOptions::default());
    let methods = [("/lookup.HandleLookupService/HandleLookup", Method::CheckWithOutput)];
    let adapter = GrpcAdapter::start(&world.recorder, "keys", &methods).unwrap();
    world.recorder.script("keys", |script| script.output = Ok(output("admin", "red")));
    world.apply(&format!("{LOOKUP}{rules}").replace("${address}", &adapter.address().to_string())).await;
    (world, adapter)
}

fn lines(changes: &[HeaderChange]) -> Vec<String> {
    let line = |change: &HeaderChange| {
        let sign = match change.operation {
            HeaderOperation::Replace => "=",
            HeaderOperation::Remove => "-",
            HeaderOperation::Append => "+",
        };
        format!("{}{sign}{}", change.name, change.value)
    };
    changes.iter().map(line).collect()
}

fn request(directive: Option<RouteDirective>) -> Vec<String> {
    lines(&directive.unwrap_or_default().request_headers)
}

#[tokio::test]
async fn output_of_the_rules_action_fills_headers() {
    let (world, _adapter) = world(
        "rule istio-system/r {actions: [{handler: keys, instances: [user], name: found}], requestHeaderOperations: [{name: x-role, values: [found.output.value]}, {name: x-team, values: ['found.output.labels[\"team\"]'], operation: APPEND}, {name: x-old, operation: REMOVE}], responseHeaderOperations: [{name: x-by, values: ['\"mixer\"', source.name]}]}",
    )
    .await;
    let runtime = world.engine.current();
    let mut bag = bag_of(&runtime, "source.name=jason");
    let outcome = runtime.check(&mut bag, &[], "", None).await.unwrap();
    assert_eq!(world.calls(), ["check_with_output keys user.instance.istio-system=jason"]);
    let directive = outcome.route_directive.unwrap();
    assert_eq!(lines(&directive.request_headers), ["x-role=admin", "x-team+red", "x-old-"]);
    assert_eq!(lines(&directive.response_headers), ["x-by=mixer", "x-by=jason"]);
    assert!(directive.direct_response.is_none());
    assert_eq!((outcome.valid_duration.as_secs(), outcome.valid_use_count), (5, 5));
    let key = read(&outcome.referenced, &bag);
    assert_eq!(key, ["context.reporter.kind!", "destination.namespace!", "source.name"]);
}

#[tokio::test]
async fn rules_with_headers_alone() {
    let (world, _adapter) = world(
        "rule istio-system/a {match: destination.port == 80, requestHeaderOperations: [{name: a, values: ['\"1\"']}]}
         rule istio-system/b {match: destination.port == 81, requestHeaderOperations: [{name: b, values: ['\"1\"']}]}
         rule istio-system/c {requestHeaderOperations: [{name: c, values: ['\"\"', source.user, 'source.name | \"x\"']}]}",
    )
    .await;
    let outcome = world.check("destination.port=80").await.unwrap();
    assert_eq!((outcome.valid_duration.as_secs(), outcome.valid_use_count), (60, 10_000));
    assert_eq!(request(outcome.route_directive), ["a=1", "c=x"]);
    let left_out = [("resource", "c.rule.istio-system"), ("reason", "absent")];
    assert_eq!(world.metric("mixer_dispatcher_value_errors_total", &left_out), 1.0);
}

#[tokio::test]
async fn a_refused_request_gets_none() {
    let (world, _adapter) = world(
        "rule istio-system/a {requestHeaderOperations: [{name: a, values: ['\"1\"']}]}
         rule istio-system/b {actions: [{handler: gate, instances: [n]}]}",
    )
    .await;
    assert!(world.check("").await.unwrap().route_directive.is_some());
    world.recorder.script("gate.istio-system", |script| {
        script.check = Ok(CheckResult { status: Status::new(7, "no"), ..CheckResult::default() });
    });
    assert!(world.check("").await.unwrap().route_directive.is_none());
}

#[tokio::test]
async fn without_output_the_operation_is_left_out() {
    let (world, _adapter) = world(
        "rule istio-system/r {match: destination.port != 1, actions: [{handler: keys, instances: [user], name: found}], requestHeaderOperations: [{name: x-role, values: [found.output.value]}, {name: x-team, values: ['found.output.labels[\"other\"] | \"none\"']}]}",
    )
    .await;
    world.recorder.script("keys", |script| script.output = Ok(Bytes::new()));
    let outcome = world.check("destination.port=2").await.unwrap();
    assert_eq!(request(outcome.route_directive), ["x-team=none"]);
}

#[tokio::test]
async fn of_two_instances_of_an_action_the_first_output_counts() {
    let (world, _adapter) = world(
        "rule istio-system/r {actions: [{handler: keys, instances: [user, uid], name: found}], requestHeaderOperations: [{name: x, values: [found.output.value]}]}
         rule istio-system/s {actions: [{handler: keys, instances: [uid], name: found}], requestHeaderOperations: [{name: y, values: [found.output.value]}]}",
    )
    .await;
    let outcome = world.check("source.name=a source.uid=b").await.unwrap();
    assert_eq!(world.calls().len(), 3);
    assert_eq!(request(outcome.route_directive), ["x=admin", "y=admin"], "each rule reads its own");
}

#[tokio::test]
async fn output_that_is_none_is_a_failure_of_the_adapter() {
    let (world, _adapter) = world(
        "rule istio-system/r {actions: [{handler: keys, instances: [user], name: found}], requestHeaderOperations: [{name: x, values: [found.output.value]}]}",
    )
    .await;
    world.recorder.script("keys", |script| script.output = Ok(Bytes::from_static(b"\x0a\xff")));
    let error = world.check("").await.unwrap_err();
    assert!(error.to_string().contains("user.instance.istio-system"), "{error}");
}
