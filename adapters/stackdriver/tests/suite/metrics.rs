//! Metric instances become points with the labels, values and descriptors that the API takes.

use mixer_adapter_sdk::value::Value;
use mixer_adapter_sdk::{Duration, Timestamp};
use serde_json::{Value as Json, json};

use crate::support::{Rig, points, text};

/// Instances, and their metrics.
const METRICS: [(&str, &str); 5] = [
    ("count", "cumulative_int64"),
    ("last", "gauge_double"),
    ("state", "gauge_bool"),
    ("version", "gauge_string"),
    ("plain", "plain.instance.ns"),
];

#[tokio::test]
async fn every_value_of_an_instance_for_every_type_of_a_metric() {
    let duration = Value::Duration(Duration::from_nanos(1_500_250_000));
    let time = Value::Timestamp(Timestamp::from_proto(1_600_000_000, 123_456_789).unwrap());
    let int = |n: &str| Ok(json!({"int64Value": n}));
    let double = |n: f64| Ok(json!({"doubleValue": n}));
    let string = |text: &str| Ok(json!({"stringValue": text}));
    let wrong = || Err("wrong_value");
    // The value of the instance; as INT64, DOUBLE, BOOL, STRING, and as the instance has it.
    let cases: Vec<(Value, [Result<Json, &str>; 5])> = vec![
        (Value::Int64(7), [int("7"), double(7.0), wrong(), string("7"), int("7")]),
        (Value::Double(2.5), [int("3"), double(2.5), wrong(), string("2.5"), double(2.5)]),
        (duration, [int("1500250"), double(1500.25), wrong(), string("1.50025s"), int("1500250")]),
        (
            time,
            [
                int("1600000000123456"),
                wrong(),
                wrong(),
                string("2020-09-13T12:26:40.123456789Z"),
                int("1600000000123456"),
            ],
        ),
        (text("12"), [int("12"), double(12.0), wrong(), string("12"), string("12")]),
        (text("true"), [wrong(), wrong(), Ok(json!({"boolValue": true})), string("true"), string("true")]),
        (text("x"), [wrong(), wrong(), wrong(), string("x"), string("x")]),
        (
            Value::Bool(true),
            [
                wrong(),
                wrong(),
                Ok(json!({"boolValue": true})),
                string("true"),
                Ok(json!({"boolValue": true})),
            ],
        ),
        (
            Value::Ip(vec![10, 0, 0, 1].into()),
            [wrong(), wrong(), wrong(), string("10.0.0.1"), string("10.0.0.1")],
        ),
        (Value::Double(f64::NAN), [wrong(), Err("not_finite"), wrong(), string("NaN"), Err("")]),
        (Value::Int64(-1), [Err("negative_count"), double(-1.0), wrong(), string("-1"), int("-1")]),
    ];
    for (value, wanted) in cases {
        let rig = Rig::new(json!({})).await;
        let mut reasons = Vec::new();
        for (name, _) in METRICS {
            // What is no number has no JSON.
            let skipped = name == "plain" && matches!(value, Value::Double(number) if number.is_nan());
            reasons.push(if skipped { Some("") } else { rig.metric(name, value.clone(), &[]).await });
        }
        let seen = rig.close().await;
        for (((_, metric), wanted), reason) in METRICS.iter().zip(&wanted).zip(reasons) {
            let found = points(&seen, &format!("custom.googleapis.com/{metric}"));
            let found = found.first().map(|(_, value)| value.clone()).ok_or(reason.unwrap_or("nothing"));
            assert_eq!(found, *wanted, "{value:?} as {metric}");
        }
    }
}

#[tokio::test]
async fn samples_are_put_together() {
    let rig = Rig::new(json!({"mesh_uid": "mesh"})).await;
    for (number, app) in [(3, "a"), (1, "a"), (2, "b")] {
        for metric in ["count", "sum", "last", "latency", "stock"] {
            assert_eq!(rig.metric(metric, Value::Int64(number), &[("app", text(app))]).await, None);
        }
    }
    let seen = rig.close().await;
    let labels = |app: &str| json!({"app": app, "mesh_uid": "mesh", "mixer_replica": "pod-1"});
    let check = |metric: &str, a: Json, b: Json| {
        let found = points(&seen, &format!("custom.googleapis.com/{metric}"));
        assert_eq!(found, [(labels("a"), a), (labels("b"), b)], "{metric}");
    };
    check("cumulative_int64", json!({"int64Value": "4"}), json!({"int64Value": "2"}));
    check("cumulative_double", json!({"doubleValue": 4.0}), json!({"doubleValue": 2.0}));
    check("gauge_double", json!({"doubleValue": 1.0}), json!({"doubleValue": 2.0}));
    let distribution = |count: &str, deviation: Option<f64>| {
        let mut own = json!({
            "count": count, "mean": 2.0, "bucketOptions": {"explicitBuckets": {"bounds": [1.0, 10.0]}},
            "bucketCounts": ["0", count, "0"],
        });
        own.as_object_mut()
            .unwrap()
            .extend(deviation.map(|own| ("sumOfSquaredDeviation".to_owned(), own.into())));
        json!({"distributionValue": own})
    };
    check("cumulative_distribution", distribution("2", Some(2.0)), distribution("1", None));
    // Metrics of Google's own get no label of ours, and no descriptor.
    let stock = points(&seen, "istio.io/service/server/request_count");
    assert_eq!(stock[0], (json!({"app": "a", "mesh_uid": "mesh"}), json!({"int64Value": "4"})));
    assert_eq!(seen.descriptors.len(), 4);
}

#[tokio::test]
async fn descriptors_come_first_once_and_grow() {
    let rig = Rig::new(json!({})).await;
    rig.metric("count", Value::Int64(1), &[("a", text("x"))]).await;
    rig.metric("version", text("v"), &[]).await;
    rig.metric("count", Value::Int64(1), &[("a", text("y")), ("b", text("z"))]).await;
    let seen = rig.close().await;
    let label = |key: &str| json!({"key": key});
    let mut descriptors = seen.descriptors.clone();
    descriptors.sort_by_key(|descriptor| descriptor["type"].as_str().map(ToOwned::to_owned));
    assert_eq!(
        descriptors,
        [
            json!({
                "type": "custom.googleapis.com/cumulative_int64", "metricKind": "CUMULATIVE", "valueType": "INT64",
                "unit": "1", "description": "What it is.", "labels": [label("a"), label("b"), label("mixer_replica")],
            }),
            json!({
                "type": "custom.googleapis.com/gauge_string", "metricKind": "GAUGE", "valueType": "STRING",
                "description": "What it is.", "labels": [label("mixer_replica")],
            }),
        ]
    );
    let first = seen.answers.iter().position(|(path, _)| path.ends_with("timeSeries")).unwrap();
    let last = seen.answers.iter().rposition(|(path, _)| path.ends_with("metricDescriptors")).unwrap();
    assert!(last < first, "{:?}", seen.answers);
}

#[tokio::test]
async fn a_descriptor_that_is_refused_holds_nothing_up() {
    use mixer_testkit::GoogleReply::Status;
    for (status, descriptors) in [(403, 0), (503, 1)] {
        let rig = Rig::new(json!({})).await;
        rig.fake.script([Status(status, None)]);
        rig.metric("count", Value::Int64(1), &[]).await;
        let seen = rig.close().await;
        assert_eq!((seen.descriptors.len(), seen.series.len()), (descriptors, 1), "{status}");
    }
}

#[tokio::test]
async fn labels_are_within_the_limits() {
    let check = async |dimensions: &[(&str, Value)], wanted: Result<Json, &str>| {
        let rig = Rig::new(json!({"replica_label": ""})).await;
        let reason = rig.metric("count", Value::Int64(1), dimensions).await;
        let found = points(&rig.close().await, "custom.googleapis.com/cumulative_int64");
        let found = found.first().map(|(labels, _)| labels.clone()).ok_or(reason.unwrap_or_default());
        assert_eq!(found, wanted, "{dimensions:?}");
    };
    let long = "é".repeat(1025);
    check(&[("a", text(&long))], Ok(json!({"a": "é".repeat(1024)}))).await;
    check(&[("a.b-c", text("x")), ("9", text("y"))], Ok(json!({"a_b_c": "x", "key_9": "y"}))).await;
    check(&[("a.b", text("x")), ("a_b", text("y"))], Err("label_clash")).await;
    check(&[(&"k".repeat(101), text("x"))], Ok(json!({"k".repeat(100): "x"}))).await;
    let names: Vec<_> = (0..31).map(|number| format!("k{number:02}")).collect();
    let dimensions: Vec<_> = names.iter().map(|name| (name.as_str(), text("x"))).collect();
    check(&dimensions, Err("too_many_labels")).await;
    let all: serde_json::Map<_, _> = names[..30].iter().map(|name| (name.clone(), json!("x"))).collect();
    check(&dimensions[..30], Ok(all.into())).await;
}

#[tokio::test]
async fn what_is_not_configured_is_dropped_with_a_reason() {
    let rig = Rig::new(json!({"max_series": 1})).await;
    assert_eq!(rig.metric("nobody", Value::Int64(1), &[]).await, Some("unknown_instance"));
    for app in ["a", "b", "c"] {
        assert_eq!(rig.metric("count", Value::Int64(1), &[("app", text(app))]).await, None);
    }
    let found = points(&rig.close().await, "custom.googleapis.com/cumulative_int64");
    let labels: Vec<_> =
        found.iter().map(|(labels, value)| (&labels["app"], &labels["overflow"], value)).collect();
    let value = |n: &str| json!({"int64Value": n});
    assert_eq!(labels, [(&json!("a"), &Json::Null, &value("1")), (&Json::Null, &json!("true"), &value("2"))]);
}

#[tokio::test]
async fn many_series_go_in_calls_of_200() {
    let rig = Rig::new(json!({})).await;
    for number in 0..450 {
        rig.metric("count", Value::Int64(1), &[("n", Value::Int64(number))]).await;
    }
    let seen = rig.close().await;
    assert_eq!((seen.series.len(), seen.answers_of("timeSeries")), (450, 3));
}
