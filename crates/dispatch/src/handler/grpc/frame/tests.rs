//! The framing against the bytes that the original sends, and against prost.

use std::time::Duration;

use bytes::{Buf, Bytes};
use mixer_proto::adapter::v1beta1 as proto;
use prost::Message;

use super::{Envelope, adapter_config, check_result, quota_result};

/// What an adapter sees, with the instances as bytes.
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(bytes = "vec", repeated, tag = "1")]
    instances: Vec<Vec<u8>>,
    #[prost(message, optional, tag = "2")]
    adapter_config: Option<prost_types::Any>,
    #[prost(string, tag = "3")]
    dedup_id: String,
    #[prost(message, optional, tag = "4")]
    quota_request: Option<proto::QuotaRequest>,
}

fn bytes(message: &super::Message) -> Vec<u8> {
    let mut buf = message.buf();
    buf.copy_to_bytes(buf.remaining()).to_vec()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

#[test]
fn a_check_as_the_original_sends_it() {
    let mut instance = hex("0a05 6a61736f6e fad2e49302 19");
    instance.extend_from_slice(b"kv1.instance.istio-system");
    let params = hex("0a0e 0a05 6a61736f6e 1205 61646d696e");
    let config = adapter_config("type.googleapis.com/keyval.Params", &params);
    let envelope = Envelope { config: &config, dedup_id: "9154325786545543214", quota: None };
    let mut expected = hex("0a26");
    expected.extend_from_slice(&instance);
    expected.extend_from_slice(&hex("1235 0a21"));
    expected.extend_from_slice(b"type.googleapis.com/keyval.Params");
    expected.extend_from_slice(&hex("1210"));
    expected.extend_from_slice(&params);
    expected.extend_from_slice(&hex("1a13"));
    expected.extend_from_slice(b"9154325786545543214");
    assert_eq!(bytes(&envelope.around_one(&instance)), expected);
}

#[test]
fn requests_as_an_adapter_reads_them() {
    let params = proto::quota_request::QuotaParams { amount: -3, best_effort: true };
    let quota = proto::QuotaRequest { quotas: [("q.instance.ns".to_owned(), params)].into() };
    let empty_params = adapter_config("type.googleapis.com/a.Params", b"");
    for config in [&b""[..], &empty_params] {
        for quota in [None, Some(quota.clone())] {
            let envelope = Envelope { config, dedup_id: "7", quota: quota.clone() };
            let read = Request::decode(envelope.around_one(b"abc").buf()).unwrap();
            let any = prost_types::Any { type_url: "type.googleapis.com/a.Params".to_owned(), value: vec![] };
            let expected = Request {
                instances: vec![b"abc".to_vec()],
                adapter_config: (!config.is_empty()).then_some(any),
                dedup_id: "7".to_owned(),
                quota_request: quota,
            };
            assert_eq!(read, expected);
        }
    }
    let framed = Bytes::from_static(b"\x0a\x01a\x0a\x02bc");
    let request = Envelope { config: b"", dedup_id: "7", quota: None }.around_framed(&framed);
    assert_eq!(Request::decode(request.buf()).unwrap().instances, [b"a".to_vec(), b"bc".to_vec()]);
}

#[test]
fn results_are_taken_over() {
    let detail = prost_types::Any { type_url: "t".to_owned(), value: vec![1] };
    let status =
        mixer_proto::google::rpc::Status { code: 7, message: "no".to_owned(), details: vec![detail] };
    let result = check_result(proto::CheckResult {
        status: Some(status),
        valid_duration: Some(prost_types::Duration { seconds: 5, nanos: 6 }),
        valid_use_count: 9,
    });
    assert_eq!((result.status.code, result.status.message.as_str(), result.valid_use_count), (7, "no", 9));
    assert_eq!(result.status.details[0].type_url, "t");
    assert_eq!(result.valid_duration, Duration::new(5, 6));
    let grant = quota_result(proto::quota_result::Result {
        valid_duration: Some(prost_types::Duration { seconds: -5, nanos: 0 }),
        granted_amount: 4,
        status: None,
    });
    assert_eq!((grant.amount, grant.valid_duration, grant.status.code), (4, Duration::ZERO, 0));
}
