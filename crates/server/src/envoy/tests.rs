//! The tables of the Envoy front doors: an Envoy message in, attributes out.

use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::{
    Address, HeaderMap, HeaderValue, Metadata, Node, SocketAddress, address, socket_address::PortSpecifier,
};
use envoy_types::pb::envoy::data::accesslog::v3::tls_properties::CertificateProperties;
use envoy_types::pb::envoy::data::accesslog::v3::tls_properties::certificate_properties::{
    SubjectAltName, subject_alt_name::San,
};
use envoy_types::pb::envoy::data::accesslog::v3::{
    AccessLogCommon, AccessLogType, ConnectionProperties, HttpRequestProperties, HttpResponseProperties,
    ResponseFlags, TcpAccessLogEntry, TlsProperties,
};
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::google::protobuf as wkt;
use mixer_attribute::{Bag, Timestamp, Value, ValueType, Vocabulary, VocabularyBuilder};
use prost::Message as _;

use super::connections::ConnectionBytes;
use super::field::Resolved;
use super::log_table::Protocol;
use super::workload::Workload;
use super::{authz_table, derive, flags, log_table};

const TYPED: &[(&str, ValueType)] = &[
    ("source.ip", ValueType::IpAddress),
    ("destination.ip", ValueType::IpAddress),
    ("origin.ip", ValueType::IpAddress),
    ("destination.port", ValueType::Int64),
    ("request.size", ValueType::Int64),
    ("response.code", ValueType::Int64),
    ("connection.mtls", ValueType::Bool),
    ("response.duration", ValueType::Duration),
];

fn vocabulary() -> Arc<Vocabulary> {
    let mut builder = VocabularyBuilder::new();
    for (name, value_type) in TYPED {
        builder.attribute(name, *value_type).unwrap();
    }
    let names = authz_table::TABLE.iter().map(|row| row.0).chain(log_table::TABLE.iter().map(|row| row.0));
    for name in names.chain(["api.service", "api.version"]) {
        let _ = builder.attribute(name, ValueType::String);
    }
    builder.finish()
}

fn show(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => String::from_utf8(text.into_owned()).unwrap(),
        Value::Int64(v) => v.to_string(),
        Value::Double(v) => v.to_string(),
        Value::Bool(v) => v.to_string(),
        Value::Timestamp(v) => v.to_string(),
        Value::Duration(v) => v.to_string(),
        Value::Bytes(v) => v.iter().map(u8::to_string).collect::<Vec<_>>().join("."),
        Value::StringMap(map) => {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let entries = map.sorted().into_iter().map(|(k, v)| format!("{}={}", text(k), text(v)));
            entries.collect::<Vec<_>>().join(" ")
        }
    }
}

/// Each listed attribute must have the text; `-` means absent.
fn check(bag: &Bag, expected: &[(&str, &str)]) {
    let found: Vec<(&str, String)> = expected
        .iter()
        .map(|(name, _)| {
            let slot = bag.vocabulary().slot(name).unwrap_or_else(|| panic!("no attribute {name}"));
            (*name, bag.get(slot).map_or_else(|| "-".to_owned(), show))
        })
        .collect();
    let expected: Vec<(&str, String)> =
        expected.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    assert_eq!(found, expected);
}

fn check_bag(context: &AttributeContext) -> Bag {
    let vocabulary = vocabulary();
    let view = authz_table::CheckView::new(context, Timestamp::from_proto(9, 0).unwrap());
    let table = Resolved::new(&vocabulary, authz_table::TABLE);
    let mut bag = Bag::new(vocabulary);
    table.fill(&mut bag, |take| take(&view));
    table.fill_named(&mut bag, view.named());
    bag
}

fn log_bag(common: &AccessLogCommon, protocol: Protocol<'_>, node: &Workload) -> Bag {
    let vocabulary = vocabulary();
    let view = log_table::LogView::new(common, protocol, node, Timestamp::from_proto(9, 0).unwrap());
    let table = Resolved::new(&vocabulary, log_table::TABLE);
    let mut bag = Bag::new(vocabulary);
    table.fill(&mut bag, |take| take(&view));
    table.fill_named(&mut bag, view.named());
    bag
}

fn at(ip: &str, port: u32) -> Option<Address> {
    let socket = SocketAddress {
        address: ip.to_owned(),
        port_specifier: Some(PortSpecifier::PortValue(port)),
        ..SocketAddress::default()
    };
    Some(Address { address: Some(address::Address::SocketAddress(socket)) })
}

fn text(value: &str) -> wkt::Value {
    wkt::Value { kind: Some(wkt::value::Kind::StringValue(value.to_owned())) }
}

fn structure(fields: &[(&str, wkt::Value)]) -> wkt::Struct {
    wkt::Struct { fields: fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect() }
}

fn nested(fields: &[(&str, wkt::Value)]) -> wkt::Value {
    wkt::Value { kind: Some(wkt::value::Kind::StructValue(structure(fields))) }
}

fn metadata(namespace: &str, fields: &[(&str, wkt::Value)]) -> Metadata {
    let filter_metadata = [(namespace.to_owned(), structure(fields))].into_iter().collect();
    Metadata { filter_metadata, ..Metadata::default() }
}

fn http_check() -> AttributeContext {
    let headers = [
        (":path", "/products?id=7&q=a%20b"),
        ("content-length", "12"),
        ("user-agent", "curl"),
        ("x-forwarded-for", "203.0.113.9, 10.0.0.1"),
        ("x-request-id", "abc"),
    ];
    AttributeContext {
        source: Some(Peer {
            address: at("10.1.1.1", 4000),
            principal: "spiffe://cluster.local/ns/web/sa/front".to_owned(),
            ..Peer::default()
        }),
        destination: Some(Peer {
            address: at("10.2.2.2", 8080),
            labels: [("app".to_owned(), "shop".to_owned())].into_iter().collect(),
            principal: "spiffe://cluster.local/ns/shop/sa/back".to_owned(),
            ..Peer::default()
        }),
        request: Some(Request {
            time: Some(wkt::Timestamp { seconds: 1, nanos: 0 }),
            http: Some(HttpRequest {
                id: "123".to_owned(),
                method: "GET".to_owned(),
                headers: headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
                path: "/products?id=7&q=a%20b".to_owned(),
                host: "catalog.shop.svc.cluster.local:8080".to_owned(),
                scheme: "http".to_owned(),
                ..HttpRequest::default()
            }),
        }),
        ..AttributeContext::default()
    }
}

#[test]
fn an_http_check_describes_the_request() {
    check(
        &check_bag(&http_check()),
        &[
            ("context.protocol", "http"),
            ("context.reporter.kind", "inbound"),
            ("context.time", "1970-01-01T00:00:09Z"),
            ("source.ip", "10.1.1.1"),
            ("source.principal", "cluster.local/ns/web/sa/front"),
            ("source.namespace", "web"),
            ("source.serviceAccount", "front"),
            ("destination.ip", "10.2.2.2"),
            ("destination.port", "8080"),
            ("destination.namespace", "shop"),
            ("destination.labels", "app=shop"),
            ("destination.service.host", "catalog.shop.svc.cluster.local"),
            ("destination.service.name", "catalog"),
            ("destination.service.namespace", "shop"),
            ("origin.ip", "203.0.113.9"),
            ("request.id", "abc"),
            ("request.host", "catalog.shop.svc.cluster.local:8080"),
            ("request.path", "/products?id=7&q=a%20b"),
            ("request.url_path", "/products"),
            ("request.query_params", "id=7 q=a b"),
            ("request.size", "12"),
            ("request.time", "1970-01-01T00:00:01Z"),
            ("request.useragent", "curl"),
            ("request.auth.principal", "-"),
            ("connection.mtls", "true"),
            ("connection.event", "-"),
        ],
    );
}

/// A rule that looks for a parameter must not be escaped by spelling its name otherwise.
#[test]
fn query_parameters_are_decoded_once() {
    for (path, expected) in [
        ("/?%61dmin=%74rue", "admin=true"),
        ("/?a=%2541", "a=%41"),
        ("/?a=%+f&b=%4&c=%zz", "a=% f b=%4 c=%zz"),
        ("/?a=1&a=2&b", "a=2 b="),
        ("/?a=%ff", "a=\u{fffd}"),
        ("/", "-"),
    ] {
        let mut context = http_check();
        context.request.as_mut().unwrap().http.as_mut().unwrap().path = path.to_owned();
        check(&check_bag(&context), &[("request.query_params", expected)]);
    }
}

/// The same attributes, whichever form the proxy sends.
#[test]
fn raw_headers_are_joined() {
    let header = |key: &str, value: &[u8]| HeaderValue {
        key: key.to_owned(),
        raw_value: value.to_vec(),
        ..HeaderValue::default()
    };
    let headers = vec![header("x-api-key", b"a"), header("x-role", b"user"), header("x-api-key", b"\xff")];
    let mut context = http_check();
    let http = context.request.as_mut().unwrap().http.as_mut().unwrap();
    http.headers.clear();
    http.header_map = Some(HeaderMap { headers });
    check(
        &check_bag(&context),
        &[("request.headers", "x-api-key=a,\u{fffd} x-role=user"), ("request.api_key", "a,\u{fffd}")],
    );
}

#[test]
fn a_tcp_check_has_no_request() {
    let context = AttributeContext { request: None, ..http_check() };
    check(
        &check_bag(&context),
        &[
            ("context.protocol", "tcp"),
            ("connection.event", "open"),
            ("request.path", "-"),
            ("request.size", "-"),
            ("destination.namespace", "shop"),
        ],
    );
}

#[test]
fn the_host_does_not_choose_the_namespace() {
    let mut context = http_check();
    context.destination.as_mut().unwrap().principal.clear();
    check(&check_bag(&context), &[("destination.service.namespace", "shop"), ("destination.namespace", "-")]);
}

#[test]
fn grpc_is_told_by_the_content_type() {
    let mut context = http_check();
    let http = context.request.as_mut().unwrap().http.as_mut().unwrap();
    http.headers.insert("content-type".to_owned(), "application/grpc+proto".to_owned());
    check(&check_bag(&context), &[("context.protocol", "grpc")]);
}

#[test]
fn what_the_operator_names_overrides_the_table() {
    let mut context = http_check();
    context.context_extensions.insert("context.reporter.kind".to_owned(), "outbound".to_owned());
    context.context_extensions.insert("destination.port".to_owned(), "81".to_owned());
    context.context_extensions.insert("no.such.attribute".to_owned(), "x".to_owned());
    context.route_metadata_context = Some(metadata("mixer", &[("api.service", text("catalog"))]));
    check(
        &check_bag(&context),
        &[("context.reporter.kind", "outbound"), ("destination.port", "81"), ("api.service", "catalog")],
    );
}

#[test]
fn only_verified_claims_are_believed() {
    let mut context = http_check();
    let headers = &mut context.request.as_mut().unwrap().http.as_mut().unwrap().headers;
    headers.insert("authorization".to_owned(), "Bearer eyJhbGciOiJub25lIn0.eyJpc3MiOiJldmlsIn0.".to_owned());
    check(&check_bag(&context), &[("request.auth.principal", "-"), ("request.auth.claims", "-")]);

    let audiences = wkt::ListValue { values: vec![text("a"), text("b")] };
    let claims = [
        ("iss", text("https://issuer")),
        ("sub", text("me")),
        ("azp", text("app")),
        ("aud", wkt::Value { kind: Some(wkt::value::Kind::ListValue(audiences)) }),
    ];
    context.metadata_context =
        Some(metadata("envoy.filters.http.jwt_authn", &[("payload", nested(&claims))]));
    check(
        &check_bag(&context),
        &[
            ("request.auth.principal", "https://issuer/me"),
            ("request.auth.audiences", "a,b"),
            ("request.auth.presenter", "app"),
            ("request.auth.claims", "azp=app iss=https://issuer sub=me"),
        ],
    );
}

fn node() -> Workload {
    let metadata = structure(&[
        ("WORKLOAD_NAME", text("catalog-v1")),
        ("SERVICE_ACCOUNT", text("back")),
        ("LABELS", nested(&[("app", text("catalog")), ("version", text("v1"))])),
    ]);
    let id = "sidecar~10.2.2.2~catalog-0.shop~shop.svc.cluster.local".to_owned();
    Workload::of_node(&Node { id, metadata: Some(metadata), ..Node::default() })
}

fn http_entry() -> (AccessLogCommon, HttpRequestProperties, HttpResponseProperties) {
    let peer = structure(&[
        ("type", text("deployment")),
        ("workload", text("front-v1")),
        ("name", text("front-0")),
        ("namespace", text("web")),
        ("app", text("front")),
        ("labels", nested(&[("team", text("x"))])),
    ]);
    let any = wkt::Any {
        type_url: "type.googleapis.com/google.protobuf.Struct".to_owned(),
        value: peer.encode_to_vec(),
    };
    let certificate = |uri: &str| {
        let san = SubjectAltName { san: Some(San::Uri(uri.to_owned())) };
        Some(CertificateProperties { subject_alt_name: vec![san], ..CertificateProperties::default() })
    };
    let common = AccessLogCommon {
        downstream_remote_address: at("10.1.1.1", 4000),
        downstream_local_address: at("10.2.2.2", 8080),
        upstream_cluster: "inbound|8080||".to_owned(),
        start_time: Some(wkt::Timestamp { seconds: 100, nanos: 0 }),
        duration: Some(wkt::Duration { seconds: 1, nanos: 500_000_000 }),
        time_to_last_upstream_rx_byte: Some(wkt::Duration { seconds: 1, nanos: 0 }),
        tls_properties: Some(TlsProperties {
            peer_certificate_properties: certificate("spiffe://cluster.local/ns/web/sa/front"),
            local_certificate_properties: certificate("spiffe://cluster.local/ns/shop/sa/back"),
            ..TlsProperties::default()
        }),
        response_flags: Some(ResponseFlags {
            no_route_found: true,
            rate_limited: true,
            ..ResponseFlags::default()
        }),
        filter_state_objects: [("downstream_peer".to_owned(), any)].into_iter().collect(),
        custom_tags: [("api.version".to_owned(), "v1".to_owned())].into_iter().collect(),
        metadata: Some(metadata(
            "envoy.filters.http.ext_authz",
            &[("check.error_code", text("7")), ("check.error_message", text("closed"))],
        )),
        ..AccessLogCommon::default()
    };
    let request = HttpRequestProperties {
        request_method: 1,
        authority: "catalog.shop.svc.cluster.local".to_owned(),
        path: "/rewritten".to_owned(),
        original_path: "/products?x=1".to_owned(),
        request_headers_bytes: 100,
        request_body_bytes: 20,
        ..HttpRequestProperties::default()
    };
    let response = HttpResponseProperties {
        response_code: Some(wkt::UInt32Value { value: 503 }),
        response_headers_bytes: 50,
        response_body_bytes: 5,
        ..HttpResponseProperties::default()
    };
    (common, request, response)
}

#[test]
fn an_inbound_http_entry_describes_both_ends() {
    let (common, request, response) = http_entry();
    check(
        &log_bag(&common, Protocol::Http(&request, &response), &node()),
        &[
            ("context.reporter.kind", "inbound"),
            ("context.reporter.uid", "kubernetes://catalog-0.shop"),
            ("context.protocol", "http"),
            ("context.proxy_error_code", "NR,RL"),
            ("source.uid", "kubernetes://front-0.web"),
            ("source.namespace", "web"),
            ("source.labels", "app=front team=x"),
            ("source.workload.name", "front-v1"),
            ("source.workload.uid", "istio://web/workloads/front-v1"),
            ("source.owner", "kubernetes://apis/apps/v1/namespaces/web/deployments/front-v1"),
            ("source.principal", "cluster.local/ns/web/sa/front"),
            ("destination.name", "catalog-0"),
            ("destination.namespace", "shop"),
            ("destination.labels", "app=catalog version=v1"),
            ("destination.workload.name", "catalog-v1"),
            ("destination.principal", "cluster.local/ns/shop/sa/back"),
            ("destination.service.host", "catalog.shop.svc.cluster.local"),
            ("destination.service.name", "catalog"),
            ("destination.service.uid", "istio://shop/services/catalog"),
            ("destination.port", "8080"),
            ("request.method", "GET"),
            ("request.path", "/products?x=1"),
            ("request.url_path", "/products"),
            ("request.total_size", "120"),
            ("response.code", "503"),
            ("response.duration", "1.5s"),
            ("response.time", "1970-01-01T00:01:41Z"),
            ("response.total_size", "55"),
            ("connection.mtls", "true"),
            ("connection.event", "-"),
            ("api.version", "v1"),
            ("check.error_code", "7"),
            ("check.error_message", "closed"),
        ],
    );
}

#[test]
fn an_outbound_entry_turns_the_ends_round() {
    let (mut common, request, response) = http_entry();
    common.upstream_cluster = "outbound|9080|v1|reviews.books.svc.cluster.local".to_owned();
    common.upstream_remote_address = at("10.3.3.3", 9080);
    check(
        &log_bag(&common, Protocol::Http(&request, &response), &node()),
        &[
            ("context.reporter.kind", "outbound"),
            ("source.name", "catalog-0"),
            ("source.namespace", "shop"),
            ("source.principal", "cluster.local/ns/shop/sa/back"),
            ("destination.ip", "10.3.3.3"),
            ("destination.port", "9080"),
            ("destination.service.host", "reviews.books.svc.cluster.local"),
            ("destination.service.name", "reviews"),
            ("destination.namespace", "books"),
            ("destination.name", "-"),
        ],
    );
}

#[test]
fn a_grpc_entry_is_told_by_its_trailers() {
    let (common, request, mut response) = http_entry();
    response.response_trailers.insert("grpc-status".to_owned(), "5".to_owned());
    check(
        &log_bag(&common, Protocol::Http(&request, &response), &node()),
        &[("context.protocol", "grpc"), ("response.grpc_status", "5"), ("response.grpc_message", "-")],
    );
}

#[test]
fn an_empty_entry_is_not_an_error() {
    let protocol = Protocol::Http(&HttpRequestProperties::default(), &HttpResponseProperties::default());
    check(
        &log_bag(&AccessLogCommon::default(), protocol, &Workload::default()),
        &[
            ("context.protocol", "http"),
            ("source.ip", "-"),
            ("response.code", "-"),
            ("context.proxy_error_code", "-"),
        ],
    );
}

fn tcp_entry(kind: AccessLogType, received: u64, sent: u64) -> TcpAccessLogEntry {
    TcpAccessLogEntry {
        common_properties: Some(AccessLogCommon {
            stream_id: "c1".to_owned(),
            access_log_type: kind.into(),
            ..AccessLogCommon::default()
        }),
        connection_properties: Some(ConnectionProperties { received_bytes: received, sent_bytes: sent }),
    }
}

#[test]
fn tcp_entries_carry_differences_and_totals() {
    let mut connections = ConnectionBytes::new(std::num::NonZeroUsize::MIN);
    let steps = [
        (AccessLogType::TcpConnectionStart, 0, 0, "open", "0", "0"),
        (AccessLogType::TcpPeriodic, 10, 100, "continue", "10", "100"),
        (AccessLogType::TcpPeriodic, 15, 100, "continue", "5", "0"),
        (AccessLogType::TcpConnectionEnd, 20, 130, "close", "5", "30"),
    ];
    for (kind, received, sent, event, received_since, sent_since) in steps {
        let entry = tcp_entry(kind, received, sent);
        let since = connections.advance(&entry);
        let totals = entry.connection_properties.unwrap();
        check(
            &log_bag(
                entry.common_properties.as_ref().unwrap(),
                Protocol::Tcp { totals: &totals, since },
                &node(),
            ),
            &[
                ("context.protocol", "tcp"),
                ("connection.id", "c1"),
                ("connection.event", event),
                ("connection.received.bytes", received_since),
                ("connection.sent.bytes", sent_since),
                ("connection.received.bytes_total", &received.to_string()),
                ("connection.sent.bytes_total", &sent.to_string()),
                ("request.path", "-"),
            ],
        );
    }
    // A new connection with the same id starts from zero, and so does a proxy that logs the end only.
    assert_eq!(connections.advance(&tcp_entry(AccessLogType::NotSet, 7, 8)).received_bytes, 7);
}

#[test]
fn remembered_connections_are_bounded() {
    let mut connections = ConnectionBytes::new(std::num::NonZeroUsize::new(2).unwrap());
    let mut advance = |id: &str, received| {
        let mut entry = tcp_entry(AccessLogType::TcpPeriodic, received, 0);
        entry.common_properties.as_mut().unwrap().stream_id = id.to_owned();
        connections.advance(&entry).received_bytes
    };
    assert_eq!([advance("a", 1), advance("b", 1), advance("a", 3)], [1, 1, 2]);
    // The third connection pushes out the oldest, whose bytes count again.
    assert_eq!([advance("c", 1), advance("b", 2), advance("a", 4)], [1, 1, 4]);
}

#[test]
fn connections_without_id_are_not_mixed_up() {
    let mut connections = ConnectionBytes::new(std::num::NonZeroUsize::MIN);
    for received in [100, 7] {
        let mut entry = tcp_entry(AccessLogType::TcpPeriodic, received, 0);
        entry.common_properties.as_mut().unwrap().stream_id.clear();
        assert_eq!(connections.advance(&entry).received_bytes, received);
    }
}

#[test]
fn flags_become_codes() {
    assert_eq!(flags::codes(None), "-");
    assert_eq!(flags::codes(Some(&ResponseFlags::default())), "-");
    let denied = ResponseFlags { unauthorized_details: Some(Default::default()), ..ResponseFlags::default() };
    assert_eq!(flags::codes(Some(&denied)), "UAEX");
}

#[test]
fn hosts_and_identities_are_taken_apart() {
    let service = |host, known| derive::service_of(host, known);
    assert_eq!(service("a.b.svc.cluster.local:80", None), Some(("a", "b")));
    assert_eq!(service("a.b", Some("b")), Some(("a", "b")));
    assert_eq!(service("www.example.com", None), None);
    assert_eq!(service("localhost", None), None);
    assert_eq!(derive::without_port("[::1]:80"), "[::1]");
    assert_eq!(derive::without_port("host"), "host");
    assert_eq!(derive::identity_part("spiffe://td/ns/a/sa/b", "sa"), Some("b"));
    assert_eq!(derive::identity_part("CN=x", "ns"), None);
    assert_eq!(derive::cluster_host("inbound|8080||"), None);
}
