//! What the recording adapter saw.

use std::time::Instant;

use bytes::Bytes;
use mixer_proto::policy::v1beta1::Value;
use mixer_proto::policy::v1beta1::value::Value as OneOf;
use prost::Message;

/// One thing that happened to a handler, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was built.
    Built {
        /// Its name.
        handler: String,
    },
    /// It was closed.
    Closed {
        /// Its name.
        handler: String,
    },
    /// It was called.
    Called(Recorded),
}

/// One call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Name of the handler, or of the gRPC adapter.
    pub handler: String,
    /// `check`, `report`, `quota`, `generate` or `check_with_output`.
    pub method: &'static str,
    /// Name of the template.
    pub template: String,
    /// Encoded instances with their names.
    pub instances: Vec<(String, Bytes)>,
    /// When the caller stops waiting.
    pub deadline: Option<Instant>,
    /// The wanted amount of a quota.
    pub amount: i64,
    /// Whether a part of it is acceptable.
    pub best_effort: bool,
    /// The deduplication id as the adapter saw it.
    pub dedup_id: String,
    /// Type URL and value of `adapter_config`, as a gRPC adapter saw it.
    pub adapter_config: Option<(String, Bytes)>,
}

impl Recorded {
    /// The names of the instances.
    pub fn names(&self) -> Vec<&str> {
        self.instances.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// What is in field 1 of each instance as text: the value of a `listentry` or `metric`, the first field of
    /// other templates.
    pub fn texts(&self) -> Vec<String> {
        self.instances.iter().map(|(_, bytes)| text(bytes)).collect()
    }
}

fn text(instance: &Bytes) -> String {
    let first = First::decode(instance.clone()).unwrap_or_default().value;
    match Value::decode(first.clone()).ok().and_then(|value| value.value) {
        Some(OneOf::StringValue(text)) => text,
        Some(OneOf::Int64Value(number)) => number.to_string(),
        Some(OneOf::DoubleValue(number)) => number.to_string(),
        Some(OneOf::BoolValue(truth)) => truth.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::from_utf8_lossy(&first).into_owned(),
    }
}

#[derive(Clone, PartialEq, Message)]
struct First {
    #[prost(bytes = "bytes", tag = "1")]
    value: Bytes,
}

/// The name that every instance carries.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Named {
    #[prost(string, tag = "72295727")]
    pub(crate) name: String,
}
