//! Instances, handlers and an agent for every test.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;

use mixer_adapter_sdk::params::encode;
use mixer_adapter_sdk::value::Value;
use mixer_adapter_sdk::{Batch, Handler, HandlerSpec, ReportCall, ReportOutcome, Timestamp};
use mixer_proto::policy::v1beta1 as policy;
use mixer_proto::template::{logentry, metric};
use prost::Message as _;
use serde_json::{Value as Json, json};

pub(crate) type Values<'a> = &'a [(&'a str, Value)];

pub(crate) fn spec(params: &Json) -> HandlerSpec {
    let adapter = mixer_dogstatsd_adapter::adapter();
    let params = encode(adapter.info(), &params.to_string()).unwrap();
    HandlerSpec { name: "dogstatsd.istio-system".into(), params, instances: Vec::new() }
}

pub(crate) async fn build(params: &Json) -> Arc<dyn Handler> {
    let adapter = mixer_dogstatsd_adapter::adapter();
    assert_eq!(adapter.validate(&spec(params)), []);
    adapter.build(spec(params)).await.unwrap()
}

pub(crate) fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn policy_value(value: &Value) -> policy::Value {
    policy::Value::decode(value.to_bytes()).unwrap()
}

fn map<M: FromIterator<(String, policy::Value)>>(values: Values<'_>) -> M {
    values.iter().map(|(name, value)| ((*name).to_owned(), policy_value(value))).collect()
}

pub(crate) async fn report(
    handler: &dyn Handler,
    template: &str,
    instances: Vec<(&str, Vec<u8>)>,
) -> ReportOutcome {
    let instances = instances.into_iter().map(|(name, bytes)| (name.into(), bytes.into()));
    let batch = Batch::from_instances(instances);
    handler.report(ReportCall { template, batch, deadline: None }).await.unwrap()
}

pub(crate) fn metric(value: Option<&Value>, dimensions: Values<'_>) -> Vec<u8> {
    let value = value.map(policy_value);
    metric::InstanceMsg { value, dimensions: map(dimensions), ..Default::default() }.encode_to_vec()
}

pub(crate) fn log_entry(severity: &str, time: Option<Timestamp>, variables: Values<'_>) -> Vec<u8> {
    let stamp = |time: Timestamp| {
        let (seconds, nanos) = time.to_proto();
        policy::TimeStamp { value: Some(prost_types::Timestamp { seconds, nanos }) }
    };
    let entry = logentry::InstanceMsg {
        variables: map(variables),
        severity: severity.to_owned(),
        timestamp: time.map(stamp),
        ..Default::default()
    };
    entry.encode_to_vec()
}

/// A socket where an agent would read.
pub(crate) struct Agent {
    folder: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Agent {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("dsd.socket")).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { folder, socket }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("dsd.socket")
    }

    /// A configuration with metrics `c`, `g`, `d` and `s`, one of each kind, that sends once: at the end.
    pub(crate) fn params(&self, more: Json) -> Json {
        let mut params = metrics();
        let own = json!({
            "address": format!("unixgram://{}", self.path().display()),
            "flush_interval": "3600s",
            "no_telemetry": true,
            "ignore_environment": true,
        });
        for fields in [own, more] {
            params.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        }
        params
    }

    /// Payloads that have arrived.
    pub(crate) fn payloads(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut buffer = vec![0; 1 << 17];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            found.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        }
        found
    }

    /// Waits for the next payload.
    pub(crate) async fn payload(&self) -> String {
        let mut buffer = vec![0; 1 << 17];
        let socket = tokio::net::UnixDatagram::from_std(self.socket.try_clone().unwrap()).unwrap();
        let read = tokio::time::timeout(std::time::Duration::from_secs(60), socket.recv(&mut buffer));
        let length = read.await.expect("a payload comes").unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// Lines that have arrived.
    pub(crate) fn lines(&self) -> Vec<String> {
        let payloads = self.payloads();
        assert!(payloads.iter().all(|payload| payload.ends_with('\n')), "{payloads:?}");
        payloads.iter().flat_map(|payload| payload.lines()).map(str::to_owned).collect()
    }
}

/// Metrics `c`, `g`, `d` and `s`, one of each kind.
pub(crate) fn metrics() -> Json {
    json!({"metrics": {
        "c.instance.ns": {"name": "c", "type": "COUNTER"},
        "g.instance.ns": {"name": "g", "type": "GAUGE"},
        "d.instance.ns": {"name": "d", "type": "DISTRIBUTION"},
        "s.instance.ns": {"name": "s", "type": "SET"},
    }})
}

/// The lines that one instance of a metric comes to, and for what it was refused.
pub(crate) async fn lines_of(
    more: Json,
    metric_name: &str,
    value: Option<&Value>,
    dimensions: Values<'_>,
) -> (Vec<String>, Vec<&'static str>) {
    let agent = Agent::new();
    let handler = build(&agent.params(more)).await;
    let name = format!("{metric_name}.instance.ns");
    let outcome = report(&*handler, "metric", vec![(&name, metric(value, dimensions))]).await;
    handler.close().await;
    (agent.lines(), outcome.dropped.iter().map(|dropped| dropped.reason).collect())
}
