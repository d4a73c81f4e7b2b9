//! A handler with its fake, and instances for it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use mixer_adapter_sdk::delivery::spool::{SpoolHome, SpoolOptions};
use mixer_adapter_sdk::params::encode;
use mixer_adapter_sdk::value::Value;
use mixer_adapter_sdk::{
    Adapter, Batch, BuildError, Handler, HandlerError, HandlerSpec, ReportCall, ReportOutcome, Timestamp,
};
use mixer_proto::policy::v1beta1 as policy;
use mixer_stackdriver_adapter::{Environment, adapter_in};
use mixer_testkit::{FakeGoogle, GoogleSeen};
use prost::Message;
use serde_json::{Value as Json, json};

/// Test machines are slow.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
pub(crate) const PROJECT: &str = "my-project";

/// `metric.InstanceMsg` and, but for its numbers, `logentry.InstanceMsg`.
#[derive(Clone, PartialEq, Message)]
struct MetricMsg {
    #[prost(message, optional, tag = "1")]
    value: Option<policy::Value>,
    #[prost(btree_map = "string, message", tag = "2")]
    dimensions: BTreeMap<String, policy::Value>,
    #[prost(string, tag = "3")]
    resource_type: String,
    #[prost(btree_map = "string, message", tag = "4")]
    resource: BTreeMap<String, policy::Value>,
}

/// `logentry.InstanceMsg`.
#[derive(Clone, PartialEq, Message)]
struct LogMsg {
    #[prost(btree_map = "string, message", tag = "1")]
    variables: BTreeMap<String, policy::Value>,
    #[prost(message, optional, tag = "2")]
    timestamp: Option<policy::TimeStamp>,
    #[prost(string, tag = "3")]
    severity: String,
    #[prost(string, tag = "4")]
    resource_type: String,
    #[prost(btree_map = "string, message", tag = "5")]
    resource: BTreeMap<String, policy::Value>,
}

pub(crate) type Pairs<'a> = &'a [(&'a str, Value)];

fn map(pairs: Pairs<'_>) -> BTreeMap<String, policy::Value> {
    let value = |value: &Value| policy::Value::decode(value.to_bytes()).unwrap();
    pairs.iter().map(|(name, own)| ((*name).to_owned(), value(own))).collect()
}

pub(crate) fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

pub(crate) struct Rig {
    pub(crate) fake: FakeGoogle,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) key: PathBuf,
    folder: Arc<tempfile::TempDir>,
}

/// What is the same in all handlers of a fake.
pub(crate) fn params(fake: &FakeGoogle, key: &std::path::Path, more: &Json) -> Json {
    let metric = |kind: &str, value: &str| {
        json!({
            "kind": kind, "value": value, "unit": "1", "description": "What it is.",
            "metric_type": format!("custom.googleapis.com/{}_{}", kind.to_lowercase(), value.to_lowercase()),
            "buckets": {"explicit_buckets": {"bounds": [1, 10]}},
        })
    };
    let mut params = json!({
        "endpoint": fake.endpoint(),
        "project_id": PROJECT,
        "service_account_path": key,
        "location": "us-west1",
        "cluster_name": "west",
        "push_interval": "3600s",
        "series_expiry": "7200s",
        "metric_info": {
            "count.instance.ns": metric("CUMULATIVE", "INT64"),
            "sum.instance.ns": metric("CUMULATIVE", "DOUBLE"),
            "latency.instance.ns": metric("CUMULATIVE", "DISTRIBUTION"),
            "size.instance.ns": metric("GAUGE", "DISTRIBUTION"),
            "last.instance.ns": metric("GAUGE", "DOUBLE"),
            "state.instance.ns": metric("GAUGE", "BOOL"),
            "version.instance.ns": metric("GAUGE", "STRING"),
            "stock.instance.ns": {"kind": "DELTA", "value": "INT64", "metric_type": "istio.io/service/server/request_count"},
            "plain.instance.ns": {"kind": "GAUGE"},
        },
    });
    let all = params.as_object_mut().unwrap();
    all.extend(more.as_object().unwrap().clone());
    // A field that shall not be there.
    all.retain(|_, value| !value.is_null());
    params
}

pub(crate) async fn build(
    fake: &FakeGoogle,
    params: &Json,
    replica: &str,
) -> Result<Arc<dyn Handler>, BuildError> {
    build_of(&*adapter_at(fake, replica), params).await
}

/// The adapter as a replica at a fake.
fn adapter_at(fake: &FakeGoogle, replica: &str) -> Arc<dyn Adapter> {
    adapter_in(Environment::of([("HOSTNAME", replica), ("GCE_METADATA_HOST", &fake.host())]))
}

async fn build_of(adapter: &dyn Adapter, params: &Json) -> Result<Arc<dyn Handler>, BuildError> {
    let params = encode(adapter.info(), &params.to_string()).unwrap();
    let spec = HandlerSpec { name: "stackdriver.ns".into(), params, instances: Vec::new() };
    assert_eq!(adapter.validate(&spec), []);
    adapter.build(spec).await
}

impl Rig {
    /// It pushes only when it is closed.
    pub(crate) async fn new(more: Json) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fake = FakeGoogle::start(PROJECT).await.unwrap();
        let key = folder.path().join("key.json");
        std::fs::write(&key, fake.service_account("key-1")).unwrap();
        let handler = build(&fake, &params(&fake, &key, &more), "pod-1").await.unwrap();
        Self { fake, handler, key, folder: Arc::new(folder) }
    }

    /// A handler that keeps on disk what it takes, for as long as the spool is there.
    pub(crate) async fn spooled(more: Json) -> (Self, SpoolHome) {
        let folder = tempfile::tempdir().unwrap();
        let fake = FakeGoogle::start(PROJECT).await.unwrap();
        let key = folder.path().join("key.json");
        std::fs::write(&key, fake.service_account("key-1")).unwrap();
        let home = SpoolHome::open(SpoolOptions::new(folder.path().join("spool"))).await.unwrap();
        let adapter = home.wrap(adapter_at(&fake, "pod-1"));
        let handler = build_of(&*adapter, &params(&fake, &key, &more)).await.unwrap();
        (Self { fake, handler, key, folder: Arc::new(folder) }, home)
    }

    /// Another handler at the same fake.
    pub(crate) async fn beside(&self, more: &Json, replica: &str) -> Self {
        let handler = build(&self.fake, &params(&self.fake, &self.key, more), replica).await.unwrap();
        Self { fake: self.fake.clone(), handler, key: self.key.clone(), folder: self.folder.clone() }
    }

    /// Instances of one template, by their short names.
    pub(crate) async fn report(
        &self,
        template: &'static str,
        instances: impl IntoIterator<Item = (&str, Vec<u8>)>,
    ) -> Result<ReportOutcome, HandlerError> {
        let instances =
            instances.into_iter().map(|(name, bytes)| (format!("{name}.instance.ns").into(), bytes.into()));
        let batch = Batch::from_instances(instances);
        self.handler.report(ReportCall { template, batch, deadline: None }).await
    }

    /// One metric instance, and for which reason it was dropped.
    pub(crate) async fn metric(
        &self,
        name: &str,
        value: Value,
        dimensions: Pairs<'_>,
    ) -> Option<&'static str> {
        self.metric_of(name, value, dimensions, ("", &[])).await
    }

    pub(crate) async fn metric_of(
        &self,
        name: &str,
        value: Value,
        dimensions: Pairs<'_>,
        (resource_type, resource): (&str, Pairs<'_>),
    ) -> Option<&'static str> {
        let instance = metric(value, dimensions, (resource_type, resource));
        let outcome = self.report("metric", [(name, instance)]).await.unwrap();
        outcome.dropped.first().map(|dropped| dropped.reason)
    }

    /// One log instance, and for which reason it was dropped.
    pub(crate) async fn log(&self, name: &str, severity: &str, variables: Pairs<'_>) -> Option<&'static str> {
        let time = Timestamp::from_proto(1_600_000_000, 5).unwrap();
        let instance = log(severity, Some(time), variables);
        let outcome = self.report("logentry", [(name, instance)]).await.unwrap();
        outcome.dropped.first().map(|dropped| dropped.reason)
    }

    /// Waits until what has arrived is enough.
    pub(crate) async fn wait(&self, enough: impl Fn(&GoogleSeen) -> bool) -> GoogleSeen {
        let waited = tokio::time::timeout(PATIENCE, self.fake.wait(enough)).await;
        waited.unwrap_or_else(|_| panic!("{:?}", self.fake.seen()))
    }

    /// What has arrived in the end, when no rule was broken.
    pub(crate) async fn close(&self) -> GoogleSeen {
        self.handler.close().await;
        let seen = self.fake.seen();
        assert_eq!(seen.faults, [] as [&str; 0]);
        seen
    }
}

pub(crate) fn metric(value: Value, dimensions: Pairs<'_>, (kind, resource): (&str, Pairs<'_>)) -> Vec<u8> {
    let message = MetricMsg {
        value: map(&[("v", value)]).remove("v"),
        dimensions: map(dimensions),
        resource_type: kind.to_owned(),
        resource: map(resource),
    };
    message.encode_to_vec()
}

pub(crate) fn log(severity: &str, time: Option<Timestamp>, variables: Pairs<'_>) -> Vec<u8> {
    let timestamp = time.map(|time| {
        let (seconds, nanos) = time.to_proto();
        policy::TimeStamp { value: Some(prost_types::Timestamp { seconds, nanos }) }
    });
    let message =
        LogMsg { variables: map(variables), timestamp, severity: severity.to_owned(), ..LogMsg::default() };
    message.encode_to_vec()
}

/// The points of a metric without what time says, sorted.
pub(crate) fn points(seen: &GoogleSeen, metric: &str) -> Vec<(Json, Json)> {
    let of = |series: &&Json| series["metric"]["type"] == metric;
    let mut all: Vec<_> = seen
        .series
        .iter()
        .filter(of)
        .map(|series| (series["metric"]["labels"].clone(), series["points"][0]["value"].clone()))
        .collect();
    all.sort_by_key(|(labels, _)| labels.to_string());
    all
}
