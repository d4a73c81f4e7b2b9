//! Messages have the field numbers and types that proxies and adapters send, byte for byte.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Debug;

use mixer_proto::adapter::v1beta1 as adapter;
use mixer_proto::google::rpc::Status;
use mixer_proto::mixer::v1::{
    CheckRequest, CheckResponse, CompressedAttributes, HeaderOperation, ReferencedAttributes, ReportRequest,
    RouteDirective, StringMap, check_request, check_response, header_operation, referenced_attributes,
    report_request,
};
use mixer_proto::policy::v1beta1::{self as policy, value::Value as Kind};
use mixer_proto::template::{apikey, kubernetes, metric, quota};
use prost::{Message, Name};
use prost_types::{Any, Duration, Timestamp};

/// Both directions: the message encodes to the bytes, and the bytes decode to the message.
fn check<M: Message + Default + PartialEq + Debug>(message: &M, hex: &str) {
    let bytes = unhex(hex);
    assert_eq!(to_hex(&message.encode_to_vec()), to_hex(&bytes), "{message:?}");
    assert_eq!(&M::decode(bytes.as_slice()).expect("decodes"), message);
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text_hex(text: &str) -> String {
    to_hex(text.as_bytes())
}

fn seconds(seconds: i64) -> Option<Duration> {
    Some(Duration { seconds, nanos: 0 })
}

#[test]
fn compressed_attributes() {
    let attributes = CompressedAttributes {
        words: vec!["a".into()],
        strings: BTreeMap::from([(-1, 17)]),
        int64s: BTreeMap::from([(23, -1)]),
        doubles: BTreeMap::from([(1, 1.0)]),
        bools: BTreeMap::from([(177, true)]),
        timestamps: BTreeMap::from([(24, Timestamp { seconds: 1, nanos: 2 })]),
        durations: BTreeMap::from([(29, Duration { seconds: 3, nanos: 0 })]),
        bytes: BTreeMap::from([(150, vec![1, 2, 3, 4].into())]),
        string_maps: BTreeMap::from([(15, StringMap { entries: BTreeMap::from([(-1, -2)]) })]),
    };
    check(
        &attributes,
        "0a0161 1204 0801 1022 1a0d 082e 10ffffffffffffffffff01 220b 0802 11000000000000f03f
         2a05 08e202 1001 3208 0830 1204 0801 1002 3a06 083a 1202 0803 4209 08ac02 1204 01020304
         4a0a 081e 1206 0a04 0801 1003",
    );
}

#[test]
fn check_request() {
    let request = CheckRequest {
        attributes: Some(CompressedAttributes::default()),
        global_word_count: 222,
        deduplication_id: "id".into(),
        quotas: BTreeMap::from([("q".into(), check_request::QuotaParams { amount: 5, best_effort: true })]),
    };
    check(&request, "0a00 10de01 1a026964 2209 0a0171 1204 0805 1001");
}

#[test]
fn check_response() {
    let referenced = ReferencedAttributes {
        words: vec!["k".into()],
        attribute_matches: vec![referenced_attributes::AttributeMatch {
            name: 15,
            condition: referenced_attributes::Condition::Exact.into(),
            regex: String::new(),
            map_key: -1,
        }],
    };
    let operation = HeaderOperation {
        name: "n".into(),
        value: "v".into(),
        operation: header_operation::Operation::Append.into(),
    };
    let response = CheckResponse {
        precondition: Some(check_response::PreconditionResult {
            status: Some(Status { code: 7, message: "no".into(), details: Vec::new() }),
            valid_duration: seconds(5),
            valid_use_count: 10,
            referenced_attributes: Some(referenced.clone()),
            route_directive: Some(RouteDirective {
                request_header_operations: vec![operation],
                response_header_operations: Vec::new(),
                direct_response_code: 503,
                direct_response_body: "b".into(),
            }),
        }),
        quotas: BTreeMap::from([(
            "q".into(),
            check_response::QuotaResult {
                valid_duration: seconds(1),
                granted_amount: 2,
                referenced_attributes: Some(ReferencedAttributes::default()),
                status: Some(Status { code: 8, ..Status::default() }),
            },
        )]),
    };
    check(
        &response,
        "122d 0a06 0807 12026e6f 1202 0805 180a 2a0b 0a016b 1206 081e 1002 2001
         3210 0a08 0a016e 120176 1802 18f703 220162
         1a11 0a0171 120c 0a02 0801 1002 2a00 3202 0808",
    );
}

#[test]
fn report_request() {
    let request = ReportRequest {
        attributes: vec![CompressedAttributes::default(), CompressedAttributes::default()],
        repeated_attributes_semantics: report_request::RepeatedAttributesSemantics::IndependentEncoding
            .into(),
        default_words: vec!["w".into()],
        global_word_count: 222,
    };
    check(&request, "0a00 0a00 120177 18de01 2001");
}

#[test]
fn policy_values() {
    let cases = [
        (Kind::StringValue("a".into()), "0a0161"),
        (Kind::Int64Value(1), "1001"),
        (Kind::DoubleValue(1.0), "19000000000000f03f"),
        (Kind::BoolValue(true), "2001"),
        (Kind::IpAddressValue(policy::IpAddress { value: vec![127, 0, 0, 1].into() }), "2a06 0a04 7f000001"),
        (
            Kind::TimestampValue(policy::TimeStamp { value: Some(Timestamp { seconds: 1, nanos: 0 }) }),
            "3204 0a02 0801",
        ),
        (Kind::DurationValue(policy::Duration { value: seconds(2) }), "3a04 0a02 0802"),
        (Kind::EmailAddressValue(policy::EmailAddress { value: "e".into() }), "4203 0a0165"),
        (Kind::DnsNameValue(policy::DnsName { value: "d".into() }), "4a03 0a0164"),
        (Kind::UriValue(policy::Uri { value: "u".into() }), "5203 0a0175"),
        (
            Kind::StringMapValue(policy::StringMap { value: BTreeMap::from([("k".into(), "v".into())]) }),
            "5a08 0a06 0a016b 120176",
        ),
    ];
    for (kind, hex) in cases {
        check(&policy::Value { value: Some(kind) }, hex);
    }
}

#[test]
fn adapter_results() {
    check(
        &adapter::CheckResult { status: None, valid_duration: seconds(1), valid_use_count: 3 },
        "1202 0801 1803",
    );
    check(&adapter::ReportResult {}, "");
    let result = adapter::quota_result::Result {
        valid_duration: seconds(1),
        granted_amount: 2,
        status: Some(Status { code: 8, ..Status::default() }),
    };
    check(
        &adapter::QuotaResult { quotas: BTreeMap::from([("q".into(), result)]) },
        "0a0f 0a0171 120a 1202 0801 1802 2202 0808",
    );
}

#[test]
fn direct_response_travels_in_status_details() {
    let response = policy::DirectHttpResponse {
        code: policy::HttpStatusCode::MovedPermanently.into(),
        body: "b".into(),
        headers: BTreeMap::from([("location".into(), "/".into())]),
    };
    check(&response, &format!("08ad02 120162 1a0d 0a08 {} 12012f", text_hex("location")));
    let any = Any::from_msg(&response).expect("encodes");
    assert_eq!(any.type_url, "type.googleapis.com/istio.policy.v1beta1.DirectHttpResponse");
    assert_eq!(any.to_msg::<policy::DirectHttpResponse>().expect("decodes"), response);
}

#[test]
fn resources_keep_the_numbers_of_built_in_names() {
    let instance = policy::Instance { compiled_template: "m".into(), ..Default::default() };
    check(&instance, "a2efce8202 016d");
    let handler = policy::Handler { compiled_adapter: "m".into(), ..Default::default() };
    check(&handler, "a2efce8202 016d");
}

/// A call as Istio 1.3.8 sends it. Its template is not one of ours, but it has the shape of `apikey`: the
/// first field of the instance is text.
#[test]
fn recorded_adapter_call() {
    let dedup_id = "9117654321012345678";
    let request = apikey::HandleApiKeyRequest {
        instance: Some(apikey::InstanceMsg {
            api: "jason".into(),
            name: "kv1.instance.istio-system".into(),
            ..Default::default()
        }),
        adapter_config: Some(Any {
            type_url: "type.googleapis.com/keyval.Params".into(),
            value: unhex("0a0e 0a05 6a61736f6e 1205 61646d696e"),
        }),
        dedup_id: dedup_id.into(),
    };
    check(
        &request,
        &format!(
            "0a26 0a05 6a61736f6e fad2e49302 19 6b76312e696e7374616e63652e697374696f2d73797374656d
             1235 0a21 {} 1210 0a0e0a056a61736f6e120561646d696e 1a13 {}",
            text_hex("type.googleapis.com/keyval.Params"),
            text_hex(dedup_id),
        ),
    );
}

/// Mixer pads the lengths of sub-messages and writes zero values out; both have to be understood.
#[test]
fn padded_lengths_and_written_zeros() {
    let bytes = unhex("0a 8c00 0a 8200 1000 1205 0a0164 1200 1200");
    let request = metric::HandleMetricRequest::decode(bytes.as_slice()).expect("decodes");
    let instance = metric::InstanceMsg {
        value: Some(policy::Value { value: Some(Kind::Int64Value(0)) }),
        dimensions: BTreeMap::from([("d".into(), policy::Value::default())]),
        ..Default::default()
    };
    assert_eq!(request.instances, [instance]);
    assert_eq!(request.adapter_config, Some(Any::default()));
}

#[test]
fn template_messages_beside_the_instance() {
    check(
        &quota::HandleQuotaRequest {
            quota_request: Some(adapter::QuotaRequest {
                quotas: BTreeMap::from([(
                    "q".into(),
                    adapter::quota_request::QuotaParams { amount: 1, best_effort: true },
                )]),
            }),
            ..Default::default()
        },
        "220b 0a09 0a0171 1204 0801 1001",
    );
    check(
        &kubernetes::InstanceParam {
            attribute_bindings: BTreeMap::from([("a".into(), "b".into())]),
            ..Default::default()
        },
        "82d3e49302 06 0a0161 120162",
    );
    assert_eq!(kubernetes::OutputMsg::full_name(), "adapter.template.kubernetes.OutputMsg");
}
