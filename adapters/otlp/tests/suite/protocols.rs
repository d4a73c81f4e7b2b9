//! The four forms of a request hold the same data, with the headers that are wanted.

use mixer_adapter_sdk::value::Value;
use mixer_testkit::OtlpSeen;
use serde_json::{Value as Json, json};

use crate::flat;
use crate::support::{Rig, entry, span, text};

/// The protocol as the configuration and as the fake name it.
pub(crate) const PROTOCOLS: [(&str, &str); 3] =
    [("GRPC", "grpc"), ("HTTP_PROTOBUF", "http/protobuf"), ("HTTP_JSON", "http/json")];

/// Something of each signal.
pub(crate) async fn report_all(rig: &Rig) {
    for (app, number) in [("a", 3.0), ("b", -0.25), ("a", 1e300)] {
        for name in ["sum", "gauge", "histogram", "exponential"] {
            rig.metric(name, Value::Double(number), &[("app", text(app)), ("big", Value::Int64(i64::MAX))])
                .await;
        }
    }
    let labels = Value::StringMap([("é\"\n".to_owned(), "1".to_owned())].into());
    rig.log(&entry(
        "warn",
        &[("labels", labels), ("trace_id", text(crate::support::TRACE)), ("nan", Value::Double(f64::NAN))],
    ))
    .await;
    rig.log(&entry("", &[("zero", Value::Int64(0)), ("no", Value::Bool(false)), ("empty", text(""))])).await;
    rig.span(&span(&[("a", text("1")), ("least", Value::Int64(i64::MIN))])).await;
}

fn all(seen: &OtlpSeen) -> (Vec<Json>, Vec<Json>, Vec<Json>) {
    (flat::metrics(seen), flat::logs(seen), flat::spans(seen))
}

#[tokio::test]
async fn every_form_holds_the_same_data() {
    let mut first = None;
    for (protocol, name) in PROTOCOLS {
        for (compression, compressed) in [("GZIP", true), ("NONE", false)] {
            let rig = Rig::new(json!({"exporter": {"protocol": protocol, "compression": compression}})).await;
            report_all(&rig).await;
            let seen = rig.close().await;
            assert_eq!(seen.requests.len(), 3, "one for each signal");
            for request in &seen.requests {
                assert_eq!((request.protocol, request.compressed), (name, compressed));
                let agent = request.headers["user-agent"].to_str().unwrap();
                assert!(agent.starts_with("mixer-otlp-adapter/"), "{agent}");
            }
            let found = all(&seen);
            assert_eq!((found.0.len(), found.1.len(), found.2.len()), (7, 2, 1));
            assert_eq!(&found, first.get_or_insert_with(|| found.clone()), "{protocol}");
        }
    }
}

#[tokio::test]
async fn signals_go_where_they_are_told() {
    let other = mixer_testkit::FakeCollector::start(None).await.unwrap();
    let rig = Rig::new(json!({
        "exporter": {"protocol": "HTTP_JSON"},
        "logs_exporter": {"endpoint": format!("{}/v1/logs", other.endpoint()), "protocol": "HTTP_PROTOBUF"},
        "traces_exporter": {"endpoint": other.endpoint(), "protocol": "GRPC", "compression": "NONE"},
    }))
    .await;
    report_all(&rig).await;
    let (seen, other) = (rig.close().await, other.seen());
    assert_eq!(other.faults, [] as [String; 0]);
    let of = |seen: &OtlpSeen| {
        let mut all: Vec<_> =
            seen.requests.iter().map(|request| (request.signal, request.protocol)).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(of(&seen), [("metrics", "http/json")]);
    assert_eq!(of(&other), [("logs", "http/protobuf"), ("traces", "grpc")]);
}

#[tokio::test]
async fn headers_come_from_the_configuration_and_from_files_that_change() {
    for (protocol, _) in PROTOCOLS {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        std::fs::write(&file, "first\n").unwrap();
        let rig = Rig::new(json!({
            "exporter": {"protocol": protocol, "headers": {"X-Scope-OrgID": "mesh", "x-other": "1"}, "header_files": {"api-key": file}},
            "metrics_exporter": {"headers": {"x-other": "2"}},
            "harvest_period": "0.1s",
        }))
        .await;
        rig.log(&entry("info", &[])).await;
        let seen = rig.until(|seen| seen.logs.len() == 1).await;
        let header = |seen: &OtlpSeen, name: &str| {
            seen.requests.last().unwrap().headers[name].to_str().unwrap().to_owned()
        };
        assert_eq!(
            (header(&seen, "x-scope-orgid"), header(&seen, "api-key")),
            ("mesh".into(), "first".into())
        );
        assert_eq!(header(&seen, "x-other"), "1");
        if protocol == "GRPC" {
            // Looked at every ten seconds; once is enough.
            std::fs::write(&file, "second\n").unwrap();
            loop {
                let many = rig.fake.seen().logs.len();
                rig.log(&entry("info", &[])).await;
                let seen = rig.until(|seen| seen.logs.len() > many).await;
                if header(&seen, "api-key") == "second" {
                    break;
                }
            }
        }
        rig.metric("sum", Value::Int64(1), &[]).await;
        let seen = rig.close().await;
        let of_metrics = seen.requests.iter().find(|request| request.signal == "metrics").unwrap();
        assert_eq!(of_metrics.headers["x-other"], "2");
    }
}
