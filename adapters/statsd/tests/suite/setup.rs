//! Instances, handlers and a socket for every test.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;

use mixer_adapter_sdk::params::encode;
use mixer_adapter_sdk::value::Value;
use mixer_adapter_sdk::{Batch, Handler, HandlerSpec, ReportCall, ReportOutcome};
use mixer_proto::policy::v1beta1 as policy;
use mixer_proto::template::metric;
use prost::Message as _;
use serde_json::{Value as Json, json};

pub(crate) type Values<'a> = &'a [(&'a str, Value)];

pub(crate) fn spec(params: &Json) -> HandlerSpec {
    let adapter = mixer_statsd_adapter::adapter();
    let params = encode(adapter.info(), &params.to_string()).unwrap();
    HandlerSpec { name: "statsd.istio-system".into(), params, instances: Vec::new() }
}

pub(crate) async fn build(params: &Json) -> Arc<dyn Handler> {
    let adapter = mixer_statsd_adapter::adapter();
    assert_eq!(adapter.validate(&spec(params)), []);
    adapter.build(spec(params)).await.unwrap()
}

pub(crate) fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn policy_value(value: &Value) -> policy::Value {
    policy::Value::decode(value.to_bytes()).unwrap()
}

pub(crate) fn metric(value: Option<&Value>, dimensions: Values<'_>) -> Vec<u8> {
    let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), policy_value(value)));
    let value = value.map(policy_value);
    metric::InstanceMsg { value, dimensions: dimensions.collect(), ..Default::default() }.encode_to_vec()
}

pub(crate) async fn report(handler: &dyn Handler, instances: Vec<(&str, Vec<u8>)>) -> ReportOutcome {
    let instances = instances.into_iter().map(|(name, bytes)| (name.into(), bytes.into()));
    let batch = Batch::from_instances(instances);
    handler.report(ReportCall { template: "metric", batch, deadline: None }).await.unwrap()
}

/// Configuration with metrics `c`, `g`, `d` and `s`, one of each kind, over which `more` goes.
pub(crate) fn params(more: Json) -> Json {
    let mut params = json!({"metrics": {
        "c.instance.ns": {"name_template": "c", "type": "COUNTER"},
        "g.instance.ns": {"name_template": "g", "type": "GAUGE"},
        "d.instance.ns": {"name_template": "d", "type": "DISTRIBUTION"},
        "s.instance.ns": {"name_template": "s", "type": "SET"},
    }});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    params
}

/// A socket where a server would read.
pub(crate) struct Listener {
    folder: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Listener {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("socket")).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { folder, socket }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Configuration that sends once, at the end: see [`params`].
    pub(crate) fn params(&self, more: Json) -> Json {
        let address = format!("unixgram://{}", self.path().display());
        let mut own = json!({"address": address, "flush_duration": "3600s"});
        own.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params(own)
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

    /// Lines that have arrived.
    pub(crate) fn lines(&self) -> Vec<String> {
        let payloads = self.payloads();
        assert!(payloads.iter().all(|payload| payload.ends_with('\n')), "{payloads:?}");
        payloads.iter().flat_map(|payload| payload.lines()).map(str::to_owned).collect()
    }
}

/// The lines that one instance of a metric comes to, and for what it was refused.
pub(crate) async fn lines_of(
    more: Json,
    metric_name: &str,
    value: Option<&Value>,
    dimensions: Values<'_>,
) -> (Vec<String>, Vec<&'static str>) {
    let listener = Listener::new();
    let handler = build(&listener.params(more)).await;
    let name = format!("{metric_name}.instance.ns");
    let outcome = report(&*handler, vec![(&name, metric(value, dimensions))]).await;
    handler.close().await;
    (listener.lines(), outcome.dropped.iter().map(|dropped| dropped.reason).collect())
}
