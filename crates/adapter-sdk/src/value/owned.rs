//! Values that outlive the call that brought them.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use mixer_attribute::{Duration, Timestamp};
use mixer_proto::policy::v1beta1 as policy;
use prost::Message as _;

use super::ValueView;
use crate::wire::Malformed;

/// A value of its own, for queues and caches; [`ValueView`] is the borrowed form with all conversions.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `STRING`.
    String(String),
    /// `INT64`.
    Int64(i64),
    /// `DOUBLE`.
    Double(f64),
    /// `BOOL`.
    Bool(bool),
    /// `IP_ADDRESS`: the bytes that were sent.
    Ip(Bytes),
    /// `TIMESTAMP`.
    Timestamp(Timestamp),
    /// `DURATION`.
    Duration(Duration),
    /// `EMAIL_ADDRESS`.
    Email(String),
    /// `DNS_NAME`.
    Dns(String),
    /// `URI`.
    Uri(String),
    /// `STRING_MAP`.
    StringMap(BTreeMap<String, String>),
}

impl Value {
    /// The encoded `istio.policy.v1beta1.Value`, which [`ValueView::parse`] reads back.
    pub fn to_bytes(&self) -> Bytes {
        use policy::value::Value as Kind;
        let kind = match self.clone() {
            Self::String(text) => Kind::StringValue(text),
            Self::Int64(number) => Kind::Int64Value(number),
            Self::Double(number) => Kind::DoubleValue(number),
            Self::Bool(value) => Kind::BoolValue(value),
            Self::Ip(value) => Kind::IpAddressValue(policy::IpAddress { value }),
            Self::Timestamp(time) => {
                let (seconds, nanos) = time.to_proto();
                let value = Some(prost_types::Timestamp { seconds, nanos });
                Kind::TimestampValue(policy::TimeStamp { value })
            }
            Self::Duration(duration) => {
                let (seconds, nanos) = duration.to_proto();
                let value = Some(prost_types::Duration { seconds, nanos });
                Kind::DurationValue(policy::Duration { value })
            }
            Self::Email(value) => Kind::EmailAddressValue(policy::EmailAddress { value }),
            Self::Dns(value) => Kind::DnsNameValue(policy::DnsName { value }),
            Self::Uri(value) => Kind::UriValue(policy::Uri { value }),
            Self::StringMap(value) => Kind::StringMapValue(policy::StringMap { value }),
        };
        policy::Value { value: Some(kind) }.encode_to_vec().into()
    }

    /// Reads an encoded value. None when it holds none.
    ///
    /// # Errors
    ///
    /// The bytes are not a `Value`.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        ValueView::parse(bytes).map(|view| view.map(|view| view.to_value()))
    }
}

impl ValueView<'_> {
    /// The value as one that outlives the call.
    pub fn to_value(&self) -> Value {
        match self {
            Self::String(text) => Value::String((*text).to_owned()),
            Self::Int64(number) => Value::Int64(*number),
            Self::Double(number) => Value::Double(*number),
            Self::Bool(value) => Value::Bool(*value),
            Self::Ip(bytes) => Value::Ip(Bytes::copy_from_slice(bytes)),
            Self::Timestamp(time) => Value::Timestamp(*time),
            Self::Duration(duration) => Value::Duration(*duration),
            Self::Email(text) => Value::Email((*text).to_owned()),
            Self::Dns(text) => Value::Dns((*text).to_owned()),
            Self::Uri(text) => Value::Uri((*text).to_owned()),
            Self::StringMap(map) => Value::StringMap(
                map.sorted().into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            ),
        }
    }
}

impl fmt::Display for Value {
    /// As [`ValueView`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ValueView::parse(&self.to_bytes()) {
            Ok(Some(view)) => view.fmt(f),
            // What was encoded can be read.
            Ok(None) | Err(_) => Ok(()),
        }
    }
}
