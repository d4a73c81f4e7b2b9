//! Configurations, instances and handlers for the tests of this directory.

#[path = "../../src/generated.rs"]
mod generated;

use std::sync::Arc;

use bytes::Bytes;
pub(crate) use generated::Params;
pub(crate) use generated::params::metric_info::{
    BucketsDefinition, Kind, NativeHistogram, buckets_definition,
};
pub(crate) use generated::params::remote_write::{BasicAuth, Protocol};
pub(crate) use generated::params::{MetricInfo, MetricsExpirationPolicy, RemoteWrite};
use mixer_adapter_sdk::{Adapter as _, Batch, BuildError, Handler, HandlerSpec, ReportCall, ReportOutcome};
use mixer_prometheus_adapter::{Format, PrometheusAdapter};
pub(crate) use mixer_proto::policy::v1beta1 as policy;
pub(crate) use mixer_proto::policy::v1beta1::value::Value;
use mixer_proto::template::metric::InstanceMsg;
use prost::Message as _;

/// An adapter whose port is free.
pub(crate) fn adapter() -> PrometheusAdapter {
    PrometheusAdapter::new("127.0.0.1:0".parse().unwrap())
}

/// A metric with the instance `NAME.instance.ns` and no namespace to read over: `t_NAME`.
pub(crate) fn metric(name: &str, kind: Kind, labels: &[&str]) -> MetricInfo {
    MetricInfo {
        name: name.to_owned(),
        instance_name: format!("{name}.instance.ns"),
        kind: kind.into(),
        label_names: labels.iter().map(|label| (*label).to_owned()).collect(),
        namespace: "t".to_owned(),
        ..Default::default()
    }
}

pub(crate) fn explicit(bounds: &[f64]) -> Option<BucketsDefinition> {
    let explicit = buckets_definition::Explicit { bounds: bounds.to_vec() };
    Some(BucketsDefinition { definition: Some(buckets_definition::Definition::ExplicitBuckets(explicit)) })
}

pub(crate) fn with_exemplars(metric: MetricInfo, labels: &[&str]) -> MetricInfo {
    MetricInfo { exemplar_labels: labels.iter().map(|label| (*label).to_owned()).collect(), ..metric }
}

/// Remote write without a replica label, once an hour unless it ends.
pub(crate) fn send_to(url: &str) -> RemoteWrite {
    RemoteWrite {
        url: url.to_owned(),
        replica_label: Some(String::new()),
        send_period: Some(prost_types::Duration { seconds: 3600, nanos: 0 }),
        ..Default::default()
    }
}

pub(crate) fn params(metrics: &[MetricInfo]) -> Params {
    Params { metrics: metrics.to_vec(), ..Default::default() }
}

pub(crate) fn spec(handler: &str, params: &Params) -> HandlerSpec {
    HandlerSpec { name: handler.into(), params: params.encode_to_vec().into(), instances: Vec::new() }
}

pub(crate) async fn build(
    adapter: &PrometheusAdapter,
    handler: &str,
    params: &Params,
) -> Result<Arc<dyn Handler>, BuildError> {
    let spec = spec(handler, params);
    assert_eq!(adapter.validate(&spec), []);
    adapter.build(spec).await
}

pub(crate) fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

/// An encoded instance.
pub(crate) fn instance(value: Option<Value>, dimensions: &[(&str, Value)]) -> Bytes {
    let wrap = |value: Value| policy::Value { value: Some(value) };
    let message = InstanceMsg {
        name: "the name in the message does not matter".to_owned(),
        value: value.map(wrap),
        dimensions: dimensions.iter().map(|(key, value)| ((*key).to_owned(), wrap(value.clone()))).collect(),
        ..Default::default()
    };
    message.encode_to_vec().into()
}

/// Reports encoded instances of metrics, each by the metric's short name.
pub(crate) async fn report_bytes(handler: &dyn Handler, instances: &[(&str, Bytes)]) -> ReportOutcome {
    let named =
        instances.iter().map(|(metric, bytes)| (format!("{metric}.instance.ns").into(), bytes.clone()));
    let call = ReportCall { template: "metric", batch: Batch::from_instances(named), deadline: None };
    handler.report(call).await.unwrap()
}

/// Reports one value; nothing may be dropped.
pub(crate) async fn report(handler: &dyn Handler, metric: &str, value: Value, dimensions: &[(&str, Value)]) {
    let outcome = report_bytes(handler, &[(metric, instance(Some(value), dimensions))]).await;
    assert_eq!(outcome, ReportOutcome::complete());
}

/// The samples that are exposed, without HELP and TYPE lines.
pub(crate) fn samples(adapter: &PrometheusAdapter) -> Vec<String> {
    let text = adapter.render(Format::Text);
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}
