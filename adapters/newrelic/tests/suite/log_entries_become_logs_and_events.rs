//! Logentry instances become entries of the Log API, or events where the configuration says so.

use mixer_adapter_sdk::Timestamp;
use mixer_adapter_sdk::value::Value;
use mixer_proto::template::logentry::InstanceMsg;
use prost::Message as _;
use serde_json::{Value as Json, json};

use crate::support::{Rig, every_kind, reasons, text, time, values};

const NAME: &str = "accesslog.instance.ns";

fn entry(variables: &[(&str, Value)]) -> InstanceMsg {
    InstanceMsg {
        variables: values(variables),
        severity: "Warning".into(),
        timestamp: time(Timestamp::now().seconds() - 5, 123_456_789),
        ..Default::default()
    }
}

/// What arrives of an entry: message, attributes.
async fn log(rule: Json, entry: InstanceMsg) -> (String, Json) {
    let rig = Rig::new(json!({"logs": {NAME: rule}})).await;
    assert_eq!(reasons(&rig.entry(NAME, entry).await), [].into());
    let log = rig.close().await.logs[0].clone();
    (log["message"].as_str().unwrap().to_owned(), log["attributes"].clone())
}

#[tokio::test]
async fn the_message_is_a_variable_a_template_or_the_name() {
    let check = async |rule: Json, variables: &[(&str, Value)], message: &str, attributes: Json| {
        assert_eq!(log(rule.clone(), entry(variables)).await, (message.to_owned(), attributes), "{rule}");
    };
    let code = ("code", Value::Int64(503));
    let warning = json!({"level": "Warning"});
    check(json!({}), &[], NAME, warning).await;
    check(json!({}), &[("message", text("hello"))], "hello", json!({"level": "Warning"})).await;
    check(json!({}), std::slice::from_ref(&code), NAME, json!({"level": "Warning", "code": 503})).await;
    let template = json!({"message": "[{severity}] {code} {nothing}{{}}", "levels": {"Warning": "WARN"}});
    check(template, std::slice::from_ref(&code), "[WARN] 503 {}", json!({"level": "WARN", "code": 503}))
        .await;
    let variables = [code, ("message", text("m")), ("timestamp", text("t"))];
    let wanted = json!({
        "level": "Warning", "code": 503, "dimension.message": "m", "dimension.timestamp": "t", "logtype": "envoy"
    });
    check(json!({"message": "x", "log_type": "envoy"}), &variables, "x", wanted).await;
}

#[tokio::test]
async fn every_kind_of_value() {
    let kinds = every_kind();
    let named: Vec<String> = kinds.iter().map(|(kind, _)| kind.replace(' ', "_")).collect();
    let variables: Vec<_> =
        named.iter().zip(&kinds).map(|(name, (_, value))| (&**name, value.clone())).collect();
    let wanted = json!({
        "BOOL": true,
        "DNS_NAME": "reviews.default.svc",
        "DOUBLE": 1.5,
        "DURATION": 1500.25,
        "EMAIL_ADDRESS": "a@example.com",
        "INT64": 7,
        "IP_ADDRESS": "10.0.0.1",
        "STRING": "reviews",
        "STRING_MAP": "a=1&b=2",
        "STRING_with_a_number": "2.5",
        "TIMESTAMP": 1_600_000_000_123_i64,
        "URI": "https://example.com/x",
        "level": "Warning",
    });
    let (_, attributes) = log(json!({}), entry(&variables)).await;
    assert_eq!(attributes, wanted);
    let rig = Rig::new(json!({"logs": {NAME: {"event_type": "MeshRequest"}}})).await;
    rig.entry(NAME, entry(&variables)).await;
    let event = rig.close().await.events[0].clone();
    for (name, value) in wanted.as_object().unwrap() {
        let value = if name == "BOOL" { &json!("true") } else { value };
        assert_eq!(&event[name], value, "{name}");
    }
}

#[tokio::test]
async fn resources_and_times() {
    let now = Timestamp::now().seconds();
    let full = InstanceMsg {
        monitored_resource_type: "k8s_pod".into(),
        monitored_resource_dimensions: values(&[("pod", text("reviews-1"))]),
        ..entry(&[("resource.pod", text("of a variable"))])
    };
    let rig = Rig::new(json!({"common_attributes": {"team": "mesh"}, "cluster_name": "west"})).await;
    rig.entry(NAME, full.clone()).await;
    rig.entry(NAME, InstanceMsg { timestamp: None, ..full }).await;
    let logs = rig.close().await.logs;
    let wanted = json!({
        "team": "mesh",
        "cluster.name": "west",
        "level": "Warning",
        "resource.type": "k8s_pod",
        "resource.pod": "of a variable",
    });
    assert_eq!(logs[0]["attributes"], wanted);
    assert_eq!(logs[0]["timestamp"].as_u64().unwrap() % 1000, 123, "milliseconds are kept");
    let arrival = logs[1]["timestamp"].as_i64().unwrap();
    assert!(arrival >= now * 1000, "without a time it is that of the arrival");
}

#[tokio::test]
async fn events_bring_common_attributes_along() {
    let params = json!({
        "common_attributes": {"team": "mesh", "code": "of the handler"},
        "logs": {NAME: {"event_type": "MeshRequest", "levels": {"Warning": "WARN"}}},
    });
    let rig = Rig::new(params).await;
    rig.entry(NAME, entry(&[("code", Value::Int64(200)), ("timestamp", text("x"))])).await;
    let mut event = rig.close().await.events[0].as_object().unwrap().clone();
    assert_eq!(event.shift_remove("timestamp").unwrap().as_u64().unwrap() % 1000, 123);
    let wanted = json!({"eventType": "MeshRequest", "level": "WARN", "code": 200, "dimension.timestamp": "x", "team": "mesh"});
    assert_eq!(Json::Object(event), wanted);
}

/// One report with both, and with instances that can not be used.
#[tokio::test]
async fn a_report_of_logs_and_events_goes_to_both() {
    let rig = Rig::new(json!({"logs": {NAME: {"event_type": "MeshRequest"}}})).await;
    let good = entry(&[]).encode_to_vec();
    let old = InstanceMsg { timestamp: time(1, 0), ..entry(&[]) }.encode_to_vec();
    let broken = vec![0x0a, 0x7f];
    let other = "other.instance.ns";
    let instances = [
        (NAME, good.clone()),
        (other, good.clone()),
        (NAME, old.clone()),
        (other, old),
        (NAME, good),
        (other, broken),
    ];
    let outcome = rig.send("logentry", &instances).await;
    assert_eq!(reasons(&outcome), [("too_old", 2), ("malformed", 1)].into());
    let seen = rig.close().await;
    assert_eq!((seen.events.len(), seen.logs.len()), (2, 1));
}
