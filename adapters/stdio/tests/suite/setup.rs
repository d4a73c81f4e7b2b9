//! Instances and handlers for every test.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use mixer_adapter_sdk::{
    Adapter, Batch, Duration, Handler, HandlerSpec, ReportCall, ReportOutcome, Timestamp,
};
use mixer_proto::policy::v1beta1 as policy;
use mixer_proto::template::{logentry, metric};
pub(crate) use policy::value::Value as Kind;
use prost::Message;
use tempfile::TempDir;

use crate::generated::Params;
use crate::generated::params::Stream;

/// `2000-01-01T00:00:00Z`.
pub(crate) const TIME: i64 = 946_684_800;

pub(crate) type Variables<'a> = &'a [(&'a str, Kind)];

pub(crate) fn spec(params: &Params) -> HandlerSpec {
    let params = params.encode_to_vec().into();
    HandlerSpec { name: "stdio.istio-system".into(), params, instances: Vec::new() }
}

/// A file in a directory that lasts as long as this.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn directory(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory().join("lines")
    }

    /// Configuration that writes to the file.
    pub(crate) fn params(&self) -> Params {
        to_file(&self.file())
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }
}

/// Configuration that writes to a file.
pub(crate) fn to_file(path: &Path) -> Params {
    Params {
        log_stream: Stream::File.into(),
        output_path: path.to_str().unwrap().to_owned(),
        ..Default::default()
    }
}

pub(crate) async fn build(adapter: &Arc<dyn Adapter>, params: &Params) -> Arc<dyn Handler> {
    assert_eq!(adapter.validate(&spec(params)), []);
    adapter.build(spec(params)).await.unwrap()
}

/// What the file holds after one report, and what became of the report.
pub(crate) async fn written(params: &Params, place: &Place, call: ReportCall<'_>) -> (String, ReportOutcome) {
    let handler = build(&mixer_stdio_adapter::adapter(), params).await;
    let outcome = handler.report(call).await.unwrap();
    handler.close().await;
    (place.text(), outcome)
}

fn value(kind: &Kind) -> policy::Value {
    policy::Value { value: Some(kind.clone()) }
}

pub(crate) fn log_entry(severity: &str, time: Option<(i64, i32)>, variables: Variables<'_>) -> Bytes {
    let stamp =
        |(seconds, nanos)| policy::TimeStamp { value: Some(prost_types::Timestamp { seconds, nanos }) };
    let entry = logentry::InstanceMsg {
        name: "ignored".to_owned(),
        variables: variables.iter().map(|(name, kind)| ((*name).to_owned(), value(kind))).collect(),
        timestamp: time.map(stamp),
        severity: severity.to_owned(),
        monitored_resource_type: "ignored".to_owned(),
        monitored_resource_dimensions: [("ignored".to_owned(), value(&Kind::Int64Value(1)))].into(),
    };
    entry.encode_to_vec().into()
}

pub(crate) fn metric(measured: Option<Kind>, dimensions: Variables<'_>) -> Bytes {
    let metric = metric::InstanceMsg {
        name: "ignored".to_owned(),
        value: measured.as_ref().map(value),
        dimensions: dimensions.iter().map(|(name, kind)| ((*name).to_owned(), value(kind))).collect(),
        monitored_resource_type: "ignored".to_owned(),
        monitored_resource_dimensions: [("ignored".to_owned(), value(&Kind::Int64Value(1)))].into(),
    };
    metric.encode_to_vec().into()
}

pub(crate) fn report<'a>(template: &'a str, instances: impl IntoIterator<Item = Bytes>) -> ReportCall<'a> {
    let name: Arc<str> = Arc::from("acc.instance.istio-system");
    let batch = Batch::from_instances(instances.into_iter().map(|bytes| (name.clone(), bytes)));
    ReportCall { template, batch, deadline: None }
}

pub(crate) fn string(text: &str) -> Kind {
    Kind::StringValue(text.to_owned())
}

pub(crate) fn ip(bytes: &[u8]) -> Kind {
    Kind::IpAddressValue(policy::IpAddress { value: Bytes::copy_from_slice(bytes) })
}

pub(crate) fn timestamp(time: Timestamp) -> Kind {
    let (seconds, nanos) = time.to_proto();
    Kind::TimestampValue(policy::TimeStamp { value: Some(prost_types::Timestamp { seconds, nanos }) })
}

pub(crate) fn duration(duration: Duration) -> Kind {
    let (seconds, nanos) = duration.to_proto();
    Kind::DurationValue(policy::Duration { value: Some(prost_types::Duration { seconds, nanos }) })
}

pub(crate) fn map(entries: &[(&str, &str)]) -> Kind {
    let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Kind::StringMapValue(policy::StringMap { value: entries.collect() })
}
