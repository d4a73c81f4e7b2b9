//! Whatever instances hold, what is sent breaks no rule, and nothing is lost without being counted.

use std::collections::BTreeMap;

use mixer_adapter_sdk::{Batch, ReportCall};
use mixer_proto::policy::v1beta1 as policy;
use mixer_proto::policy::v1beta1::value::Value as Kind;
use mixer_proto::template::{logentry, metric, tracespan};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use prost::Message as _;
use serde_json::json;

use crate::flat;
use crate::protocols::PROTOCOLS;
use crate::support::Rig;

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("trace_id".to_owned()),
        Just("span_id".to_owned()),
        Just("service.name".to_owned()),
        "[a-c]",
        "\\PC{0,12}",
        Just("\u{1}x".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = policy::Value> {
    let time = || {
        (any::<i64>(), any::<i32>())
            .prop_map(|(seconds, nanos)| (seconds % 10_000_000_000, nanos % 1_000_000_000))
    };
    let kind = prop_oneof![
        word().prop_map(Kind::StringValue),
        "[0-9a-f]{32}".prop_map(Kind::StringValue),
        any::<i64>().prop_map(Kind::Int64Value),
        any::<f64>().prop_map(Kind::DoubleValue),
        any::<bool>().prop_map(Kind::BoolValue),
        prop::collection::vec(any::<u8>(), 0..20)
            .prop_map(|value| Kind::IpAddressValue(policy::IpAddress { value: value.into() })),
        time().prop_map(|(seconds, nanos)| {
            let value = Some(prost_types::Timestamp { seconds, nanos: nanos.abs() });
            Kind::TimestampValue(policy::TimeStamp { value })
        }),
        (-1_000_000_i64..1_000_000).prop_map(|seconds| {
            let value = Some(prost_types::Duration { seconds, nanos: 0 });
            Kind::DurationValue(policy::Duration { value })
        }),
        prop::collection::btree_map(word(), word(), 0..3)
            .prop_map(|value| Kind::StringMapValue(policy::StringMap { value })),
    ];
    prop::option::of(kind).prop_map(|value| policy::Value { value })
}

fn map() -> impl Strategy<Value = BTreeMap<String, policy::Value>> {
    prop::collection::btree_map(word(), value(), 0..6)
}

fn time() -> impl Strategy<Value = Option<policy::TimeStamp>> {
    let seconds = prop_oneof![Just(0_i64), 1_700_000_000_i64..1_700_000_010, -10_000_i64..10_000];
    let time = (seconds, 0..1_000_000_000_i32).prop_map(|(seconds, nanos)| policy::TimeStamp {
        value: Some(prost_types::Timestamp { seconds, nanos }),
    });
    prop::option::of(time)
}

fn metric() -> impl Strategy<Value = Vec<u8>> {
    (value(), map(), word(), map()).prop_map(|(value, dimensions, kind, resource)| {
        let instance = metric::InstanceMsg {
            value: Some(value),
            dimensions,
            monitored_resource_type: kind,
            monitored_resource_dimensions: resource,
            ..Default::default()
        };
        instance.encode_to_vec()
    })
}

fn log() -> impl Strategy<Value = Vec<u8>> {
    (map(), time(), word(), map()).prop_map(|(variables, timestamp, severity, resource)| {
        let instance = logentry::InstanceMsg {
            variables,
            timestamp,
            severity,
            monitored_resource_dimensions: resource,
            ..Default::default()
        };
        instance.encode_to_vec()
    })
}

fn span() -> impl Strategy<Value = Vec<u8>> {
    let id = || prop_oneof![4 => "[0-9a-fA-F]{16}", 1 => word(), 1 => Just("ffffffffffffffff".to_owned())];
    let trace = prop_oneof![4 => "[0-9a-f]{32}", 1 => id()];
    (trace, id(), id(), word(), (time(), time()), map(), any::<(bool, bool, i64, i64)>(), word()).prop_map(
        |(trace_id, span_id, parent_span_id, span_name, (start_time, end_time), span_tags, more, name)| {
            let (client_span, rewrite_client_span_id, http_status_code, request_size) = more;
            let instance = tracespan::InstanceMsg {
                trace_id,
                span_id,
                parent_span_id,
                span_name,
                start_time,
                end_time,
                span_tags,
                client_span,
                rewrite_client_span_id,
                http_status_code: http_status_code % 700,
                request_size,
                source_name: name.clone(),
                destination_name: name.clone(),
                api_protocol: name,
                ..Default::default()
            };
            instance.encode_to_vec()
        },
    )
}

/// Reports instances of a template, and returns how many were dropped.
async fn report(rig: &Rig, template: &'static str, instances: &[Vec<u8>]) -> u64 {
    let names = ["sum", "gauge", "histogram", "exponential"].into_iter().cycle();
    let named = names
        .zip(instances)
        .map(|(name, bytes)| (format!("{name}.instance.ns").into(), bytes.clone().into()));
    let call = ReportCall { template, batch: Batch::from_instances(named), deadline: None };
    let outcome = rig.handler.report(call).await.unwrap();
    outcome.dropped.iter().map(|dropped| dropped.count).sum()
}

#[test]
fn any_instance_gives_a_request_that_a_strict_collector_takes() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    let some = |strategy: BoxedStrategy<Vec<u8>>| prop::collection::vec(strategy, 0..12);
    let all = (
        some(metric().boxed()),
        some(log().boxed()),
        some(span().boxed()),
        0..PROTOCOLS.len(),
        any::<bool>(),
    );
    let result = runner.run(&all, |(metrics, logs, spans, protocol, delta)| {
        runtime.block_on(async {
            let rig = Rig::new(json!({
                "exporter": {"protocol": PROTOCOLS[protocol].0, "compression": "NONE"},
                "temporality": if delta { "DELTA" } else { "CUMULATIVE" },
                "resource_dimensions": {"a": "k8s.namespace.name", "b": "service.name"},
                "attribute_names": {"c": "renamed"},
                "logs": {"sum.instance.ns": {"body": "{a}-{b}"}},
            }))
            .await;
            report(&rig, "metric", &metrics).await;
            let dropped = (report(&rig, "logentry", &logs).await, report(&rig, "tracespan", &spans).await);
            let seen = rig.close().await;
            let found = (flat::logs(&seen).len() as u64, flat::spans(&seen).len() as u64);
            assert_eq!(found, (logs.len() as u64 - dropped.0, spans.len() as u64 - dropped.1));
            assert!(seen.requests.iter().all(|request| request.items > 0));
        });
        Ok(())
    });
    result.unwrap();
}
