//! The messages of `template.proto` beside this file, as the code of its handler service has them.

use std::collections::BTreeMap;

use mixer_adapter_sdk::typed::Template;
use mixer_adapter_sdk::typed::template::variety;
use mixer_adapter_sdk::view::InstanceView;
use mixer_adapter_sdk::wire::Malformed;
use mixer_proto::policy::v1beta1::{DnsName, Duration, EmailAddress, IpAddress, TimeStamp, Uri, Value};
use prost::Message;

/// The template as a type.
pub(crate) enum Every {}

impl Template for Every {
    const NAME: &'static str = "every";
    const SERVICE: &'static str = "every.HandleEveryService";
    const METHOD: &'static str = "HandleEvery";
    const DESCRIPTOR: &'static [u8] = include_bytes!("every.desc");
    type Variety = variety::CheckWithOutput;
    type View<'a> = InstanceView<'a>;
    type Owned = InstanceMsg;
    type Output = OutputMsg;

    fn view(bytes: &[u8]) -> Result<InstanceView<'_>, Malformed> {
        Ok(InstanceView::new(bytes))
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InstanceMsg {
    #[prost(string, tag = "72295727")]
    pub(crate) name: String,
    #[prost(string, tag = "1")]
    pub(crate) text: String,
    #[prost(int64, tag = "2")]
    pub(crate) number: i64,
    #[prost(double, tag = "3")]
    pub(crate) fraction: f64,
    #[prost(bool, tag = "4")]
    pub(crate) flag: bool,
    #[prost(message, optional, tag = "5")]
    pub(crate) value: Option<Value>,
    #[prost(message, optional, tag = "6")]
    pub(crate) time: Option<TimeStamp>,
    #[prost(message, optional, tag = "7")]
    pub(crate) duration: Option<Duration>,
    #[prost(message, optional, tag = "8")]
    pub(crate) ip: Option<IpAddress>,
    #[prost(message, optional, tag = "9")]
    pub(crate) dns: Option<DnsName>,
    #[prost(message, optional, tag = "10")]
    pub(crate) uri: Option<Uri>,
    #[prost(message, optional, tag = "11")]
    pub(crate) email: Option<EmailAddress>,
    #[prost(message, optional, tag = "12")]
    pub(crate) outer: Option<OuterMsg>,
    #[prost(string, repeated, tag = "21")]
    pub(crate) texts: Vec<String>,
    #[prost(int64, repeated, tag = "22")]
    pub(crate) numbers: Vec<i64>,
    #[prost(double, repeated, tag = "23")]
    pub(crate) fractions: Vec<f64>,
    #[prost(bool, repeated, tag = "24")]
    pub(crate) flags: Vec<bool>,
    #[prost(message, repeated, tag = "25")]
    pub(crate) values: Vec<Value>,
    #[prost(message, repeated, tag = "26")]
    pub(crate) times: Vec<TimeStamp>,
    #[prost(message, repeated, tag = "27")]
    pub(crate) durations: Vec<Duration>,
    #[prost(message, repeated, tag = "28")]
    pub(crate) ips: Vec<IpAddress>,
    #[prost(message, repeated, tag = "29")]
    pub(crate) dnses: Vec<DnsName>,
    #[prost(message, repeated, tag = "30")]
    pub(crate) uris: Vec<Uri>,
    #[prost(message, repeated, tag = "31")]
    pub(crate) emails: Vec<EmailAddress>,
    #[prost(message, repeated, tag = "32")]
    pub(crate) outers: Vec<OuterMsg>,
    #[prost(btree_map = "string, string", tag = "41")]
    pub(crate) text_map: BTreeMap<String, String>,
    #[prost(btree_map = "string, int64", tag = "42")]
    pub(crate) number_map: BTreeMap<String, i64>,
    #[prost(btree_map = "string, double", tag = "43")]
    pub(crate) fraction_map: BTreeMap<String, f64>,
    #[prost(btree_map = "string, bool", tag = "44")]
    pub(crate) flag_map: BTreeMap<String, bool>,
    #[prost(btree_map = "string, message", tag = "45")]
    pub(crate) value_map: BTreeMap<String, Value>,
    #[prost(btree_map = "string, message", tag = "46")]
    pub(crate) time_map: BTreeMap<String, TimeStamp>,
    #[prost(btree_map = "string, message", tag = "47")]
    pub(crate) duration_map: BTreeMap<String, Duration>,
    #[prost(btree_map = "string, message", tag = "48")]
    pub(crate) ip_map: BTreeMap<String, IpAddress>,
    #[prost(btree_map = "string, message", tag = "49")]
    pub(crate) dns_map: BTreeMap<String, DnsName>,
    #[prost(btree_map = "string, message", tag = "50")]
    pub(crate) uri_map: BTreeMap<String, Uri>,
    #[prost(btree_map = "string, message", tag = "51")]
    pub(crate) email_map: BTreeMap<String, EmailAddress>,
    #[prost(btree_map = "string, message", tag = "52")]
    pub(crate) outer_map: BTreeMap<String, OuterMsg>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct OuterMsg {
    #[prost(message, optional, tag = "1")]
    pub(crate) inner: Option<InnerMsg>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) inners: Vec<InnerMsg>,
    #[prost(btree_map = "string, message", tag = "3")]
    pub(crate) inner_map: BTreeMap<String, InnerMsg>,
    #[prost(message, optional, boxed, tag = "4")]
    pub(crate) itself: Option<Box<OuterMsg>>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InnerMsg {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) value: Option<Value>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct OutputMsg {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
    #[prost(int64, tag = "2")]
    pub(crate) number: i64,
    #[prost(bool, tag = "3")]
    pub(crate) flag: bool,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(crate) labels: BTreeMap<String, String>,
}
