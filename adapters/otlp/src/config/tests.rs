//! Which configurations are refused, what the environment adds, and what goes before what.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mixer_adapter_sdk::delivery::otlp::Protocol;
use mixer_adapter_sdk::params::encode;
use prost::Message as _;
use serde_json::{Value as Json, json};

use super::*;

fn config(params: &Json, variables: &[(&str, &str)]) -> Result<Config, Vec<FieldProblem>> {
    let adapter = crate::adapter();
    let params = encode(adapter.info(), &params.to_string()).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::in_environment(&Params::decode(params).unwrap(), &Environment::new(variables))
}

fn check(params: Json, variables: &[(&str, &str)], fields: &[&str]) {
    let problems = config(&params, variables).err().unwrap_or_default();
    let mut found: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    found.sort_unstable();
    assert_eq!(found, fields, "{params} {variables:?} {problems:?}");
}

fn metric(more: Json) -> Json {
    let mut metric = json!({"name": "m", "type": "SUM"});
    metric.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"metrics": {"i": metric}})
}

#[test]
fn nothing_is_a_configuration() {
    check(json!({}), &[], &[]);
}

#[test]
fn metrics_are_checked() {
    check(metric(json!({})), &[], &[]);
    for (name, good) in [
        ("a", true),
        ("", false),
        ("1a", false),
        (".a", false),
        ("a b", false),
        ("é", false),
        ("http.server/x_y-z", true),
    ] {
        check(metric(json!({"name": name})), &[], if good { &[] } else { &["metrics[i].name"] });
    }
    check(metric(json!({"name": "x".repeat(255)})), &[], &[]);
    check(metric(json!({"name": "x".repeat(256)})), &[], &["metrics[i].name"]);
    check(metric(json!({"type": "UNSPECIFIED"})), &[], &["metrics[i].type"]);
    check(metric(json!({"unit": "x".repeat(64)})), &[], &["metrics[i].unit"]);
    check(metric(json!({"bounds": [1]})), &[], &["metrics[i].bounds"]);
    check(metric(json!({"max_buckets": 20})), &[], &["metrics[i].max_buckets"]);
    check(metric(json!({"max_series": 0})), &[], &["metrics[i].max_series"]);
    let histogram = |bounds: Json| metric(json!({"type": "HISTOGRAM", "bounds": bounds}));
    check(histogram(json!([1, 2])), &[], &[]);
    check(histogram(json!([1, 1])), &[], &["metrics[i].bounds"]);
    check(histogram(json!([2, 1])), &[], &["metrics[i].bounds"]);
    check(histogram(json!(["Infinity"])), &[], &["metrics[i].bounds"]);
    let exponential = |max: i64| metric(json!({"type": "EXPONENTIAL_HISTOGRAM", "max_buckets": max}));
    check(exponential(2), &[], &[]);
    check(exponential(1), &[], &["metrics[i].max_buckets"]);
    check(exponential(10_001), &[], &["metrics[i].max_buckets"]);
    let (a, b) = (json!({"name": "m", "type": "SUM"}), json!({"name": "m", "type": "GAUGE"}));
    check(json!({"metrics": {"a": a, "b": a}}), &[], &[]);
    check(json!({"metrics": {"a": a, "b": b}}), &[], &["metrics[b]"]);
}

#[test]
fn every_problem_is_told_once() {
    let params = json!({
        "exporter": {"endpoint": "collector", "headers": {"a b": "1", "content-type": "x"}, "header_files": {"key": ""},
            "request_timeout": "0s", "client_key_file": "/key", "proxy_url": "proxy"},
        "logs_exporter": {"endpoint": "ftp://x/"},
        "metrics": {"i": {}},
        "logs": {"a": {"body": "{x"}, "b": {"body": "{}"}},
        "severities": {"x": "LOUD"},
        "resource_dimensions": {"a": "b", "c": ""},
        "attribute_names": {"a": "b"},
        "idle_series_timeout": "0s",
        "metrics_period": "0.01s",
        "harvest_period": "0.01s",
        "max_in_flight": 0,
    });
    let fields = [
        "attribute_names[a]",
        "exporter.client_certificate_file",
        "exporter.endpoint",
        "exporter.header_files[key]",
        "exporter.headers[a b]",
        "exporter.headers[content-type]",
        "exporter.proxy_url",
        "exporter.request_timeout",
        "harvest_period",
        "idle_series_timeout",
        "logs[a].body",
        "logs[b].body",
        "logs_exporter.endpoint",
        "max_in_flight",
        "metrics[i].name",
        "metrics[i].type",
        "metrics_period",
        "resource_dimensions[c]",
        "severities[x]",
    ];
    check(params, &[], &fields);
}

/// URL, protocol and compression of metrics, logs and traces.
fn destinations(params: Json, variables: &[(&str, &str)]) -> Vec<(String, Protocol, bool)> {
    let config = config(&params, variables).unwrap();
    config.destinations.iter().map(|(_, to)| (to.url.to_string(), to.protocol, to.gzip)).collect()
}

#[test]
fn endpoints_are_bases_or_whole() {
    let urls = |params: Json, variables: &[(&str, &str)]| -> Vec<String> {
        destinations(params, variables).into_iter().map(|(url, ..)| url).collect()
    };
    let of = |base: &str| ["metrics", "logs", "traces"].map(|signal| format!("{base}/v1/{signal}"));
    const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    assert_eq!(urls(json!({}), &[]), of("http://localhost:4318"));
    assert_eq!(urls(json!({}), &[(ENDPOINT, "")]), of("http://localhost:4318"));
    assert_eq!(urls(json!({}), &[(ENDPOINT, "https://c:1/base/")]), of("https://c:1/base"));
    assert_eq!(
        urls(json!({"exporter": {"endpoint": "http://c:1"}}), &[(ENDPOINT, "http://d")]),
        of("http://c:1")
    );
    let mixed = urls(
        json!({"logs_exporter": {"endpoint": "http://l:1/loki"}}),
        &[(ENDPOINT, "http://c:1"), ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:1/x")],
    );
    assert_eq!(mixed, ["http://c:1/v1/metrics", "http://l:1/loki", "http://t:1/x"]);
    let grpc = json!({"exporter": {"protocol": "GRPC"}});
    assert_eq!(urls(grpc.clone(), &[]), ["http://localhost:4317/"; 3]);
    assert_eq!(urls(grpc.clone(), &[(ENDPOINT, "c:4317")]), ["https://c:4317/"; 3]);
    let insecure = [(ENDPOINT, "c:4317"), ("OTEL_EXPORTER_OTLP_INSECURE", "True")];
    assert_eq!(urls(grpc, &insecure), ["http://c:4317/"; 3]);
}

#[test]
fn protocols_and_compression_come_from_the_nearest_place() {
    use Protocol::{Grpc, HttpJson, HttpProtobuf};
    let check = |params: Json, variables: &[(&str, &str)], wanted: [(Protocol, bool); 3]| {
        let found: Vec<_> =
            destinations(params, variables).into_iter().map(|(_, p, gzip)| (p, gzip)).collect();
        assert_eq!(found, wanted);
    };
    check(json!({}), &[], [(HttpProtobuf, true); 3]);
    let variables = [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
    ];
    check(json!({}), &variables, [(Grpc, false), (HttpJson, false), (Grpc, true)]);
    let params = json!({"exporter": {"protocol": "HTTP_PROTOBUF"}, "traces_exporter": {"protocol": "GRPC", "compression": "NONE"}});
    check(params, &variables, [(HttpProtobuf, false), (HttpProtobuf, false), (Grpc, false)]);
}

/// Headers of metrics and of logs, with what is not hidden.
fn headers(params: Json, variables: &[(&str, &str)]) -> [Vec<(String, String)>; 2] {
    let config = config(&params, variables).unwrap();
    [0, 1].map(|signal| {
        let headers = config.destinations[signal].1.headers.iter();
        let shown = |source: &HeaderSource| match source {
            HeaderSource::Value(value) => {
                assert!(value.is_sensitive());
                value.to_str().unwrap().to_owned()
            }
            HeaderSource::File(file) => format!("in {}", file.display()),
        };
        headers.map(|(name, source)| (name.to_string(), shown(source))).collect()
    })
}

#[test]
fn headers_are_put_together() {
    let check = |params: Json, variables: &[(&str, &str)], wanted: [&[(&str, &str)]; 2]| {
        let found = headers(params, variables);
        let wanted = wanted.map(|all| {
            let owned = all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            owned.collect::<Vec<_>>()
        });
        assert_eq!(found, wanted);
    };
    const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
    check(json!({}), &[(HEADERS, " API-Key = a%20b=c , x=,")], [&[("api-key", "a b=c"), ("x", "")]; 2]);
    let both = [(HEADERS, "a=1,b=1"), ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "b=2")];
    check(json!({}), &both, [&[("a", "1"), ("b", "1")], &[("b", "2")]]);
    let params = json!({
        "exporter": {"headers": {"B": "3"}, "header_files": {"key": "/key"}},
        "logs_exporter": {"headers": {"key": "own"}},
    });
    let in_file = ("key", "in /key");
    check(params, &both, [&[("a", "1"), ("b", "3"), in_file], &[("b", "3"), ("key", "own")]]);
}

#[test]
fn what_the_environment_gets_wrong_is_told_by_its_variable() {
    let check = |name: &str, value: &str, field: &str| {
        let problems = config(&json!({}), &[(name, value)]).err().unwrap_or_default();
        let [problem] = &*problems else { panic!("{name}: {problems:?}") };
        let text = format!("{problem:?}");
        assert!(problem.field.starts_with(field) && text.contains(name), "{text}");
        assert!(!text.contains("s3cr3t"), "{text}");
    };
    check("OTEL_EXPORTER_OTLP_ENDPOINT", "collector", "exporter.endpoint");
    check("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "collector", "exporter.endpoint");
    check("OTEL_EXPORTER_OTLP_PROTOCOL", "http", "exporter.protocol");
    check("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd", "exporter.compression");
    check("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "exporter.request_timeout");
    check("OTEL_EXPORTER_OTLP_HEADERS", "key:s3cr3t", "exporter.headers");
    check("OTEL_EXPORTER_OTLP_HEADERS", "key=s3cr3t%zz", "exporter.headers");
    check("OTEL_EXPORTER_OTLP_HEADERS", "key=s3cr3t%0a", "exporter.headers");
    check("OTEL_METRIC_EXPORT_INTERVAL", "-1", "metrics_period");
    check("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both", "temporality");
    check("OTEL_RESOURCE_ATTRIBUTES", "a", "resource_attributes");
}

#[test]
fn times_temporality_and_tls_come_from_the_environment() {
    let found = config(
        &json!({"logs_exporter": {"request_timeout": "3s"}}),
        &[
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "500"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca"),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/cert"),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "15000"),
        ],
    )
    .unwrap();
    let timeouts: Vec<_> = found.destinations.iter().map(|(_, to)| to.options.timeout.as_millis()).collect();
    assert_eq!(timeouts, [2000, 3000, 500]);
    let options = &found.destinations[0].1.options;
    assert_eq!(options.ca_file.as_deref(), Some("/ca".as_ref()));
    assert_eq!(options.client_certificate.as_ref().unwrap().key, std::path::Path::new("/key"));
    assert_eq!((found.temporality, found.metrics_period), (Temporality::Delta, Duration::from_secs(15)));
    let plain = config(&json!({}), &[]).unwrap();
    assert_eq!((plain.temporality, plain.metrics_period), (Temporality::Cumulative, Duration::from_secs(60)));
    assert_eq!(plain.destinations[0].1.options.timeout, Duration::from_secs(10));
}

#[test]
fn bodies_have_parts() {
    let check = |body: &str, wanted: &[BodyPart]| {
        let found = config(&json!({"logs": {"i": {"body": body}}}), &[]).unwrap();
        assert_eq!(found.logs["i"].body, wanted);
    };
    let (text, variable) =
        (|text: &str| BodyPart::Text(text.to_owned()), |name: &str| BodyPart::Variable(name.to_owned()));
    check("", &[]);
    check("plain", &[text("plain")]);
    check("{a} {b c}!", &[variable("a"), text(" "), variable("b c"), text("!")]);
}
