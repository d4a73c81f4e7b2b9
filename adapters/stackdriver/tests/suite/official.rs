//! Google's own client, which speaks gRPC, and the adapter, which speaks JSON, write the same for the same data: the fake
//! sees no difference in any field.

use std::io::Write as _;
use std::process::{Command, Stdio};

use mixer_adapter_sdk::value::Value;
use mixer_testkit::FakeGoogle;
use serde_json::{Value as Json, json};

use crate::support::{PROJECT, Rig, text};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/official.py");

/// The folder with Google's client; none when it is not there and need not be.
#[allow(clippy::print_stderr, reason = "who runs the tests shall know")]
fn packages() -> Option<String> {
    let found = std::env::var("MIXER_GOOGLE_PYTHONPATH").ok();
    assert!(
        found.is_some() || std::env::var("MIXER_REAL").is_err(),
        "cargo xtask test sets MIXER_GOOGLE_PYTHONPATH"
    );
    if found.is_none() {
        eprintln!("SKIPPED: google-cloud-monitoring is not installed; cargo xtask test does that");
    }
    found
}

async fn run(packages: String, input: Json) -> Json {
    let ran = tokio::task::spawn_blocking(move || {
        let mut python = Command::new("python3");
        python.arg(PROGRAM).env("PYTHONPATH", packages).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = python.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    });
    let output = ran.await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_data_is_the_same_payload() {
    let Some(packages) = packages() else { return };
    let rig = Rig::new(json!({})).await;
    let labels = [("app", text("reviews")), ("code", Value::Int64(200))];
    let pod = [("namespace_name", text("ns")), ("pod_name", text("p"))];
    let int = |numbers: &[i64]| numbers.iter().map(|number| Value::Int64(*number)).collect::<Vec<_>>();
    let double = |numbers: &[f64]| numbers.iter().map(|number| Value::Double(*number)).collect::<Vec<_>>();
    let samples: Vec<(&str, Vec<Value>, Json)> = vec![
        ("count", int(&[3, 4]), json!([3, 4])),
        ("sum", double(&[0.5, 0.25]), json!([0.5, 0.25])),
        ("latency", double(&[0.5, 1.0, 4.0, 10.0, 11.5]), json!([0.5, 1.0, 4.0, 10.0, 11.5])),
        ("size", int(&[2, 2]), json!([2, 2])),
        ("last", double(&[2.0, 1.0]), json!([2.0, 1.0])),
        ("state", vec![Value::Bool(true)], json!([true])),
        ("version", vec![text("v1")], json!(["v1"])),
        ("stock", int(&[1, 1]), json!([1, 1])),
    ];
    for (name, values, _) in &samples {
        for value in values {
            assert_eq!(rig.metric_of(name, value.clone(), &labels, ("k8s_pod", &pod)).await, None);
        }
    }
    let ours = rig.close().await;
    let other = FakeGoogle::start(PROJECT).await.unwrap();
    let series = samples.iter().map(|(name, _, samples)| described(&ours.series, name, samples));
    let input = json!({"host": other.host(), "project": PROJECT, "series": series.collect::<Vec<_>>()});
    let answers = run(packages, input).await;
    let theirs = other.seen();
    assert_eq!(sorted(ours.series), sorted(theirs.series));
    assert_eq!(sorted(ours.descriptors), sorted(theirs.descriptors));
    let count = samples.len();
    let wanted = json!({
        "late": ["INVALID_ARGUMENT", [[count, 0, [[3, count]]]]],
        "two points": ["INVALID_ARGUMENT", []],
        "201": ["INVALID_ARGUMENT", []],
        "other project": ["INVALID_ARGUMENT", []],
    });
    assert_eq!(answers, wanted);
}

/// What was measured, with the interval that the adapter chose.
fn described(all: &[Json], name: &str, samples: &Json) -> Json {
    let kind = |name: &str| match name {
        "count" => ("custom.googleapis.com/cumulative_int64", "CUMULATIVE", "INT64"),
        "sum" => ("custom.googleapis.com/cumulative_double", "CUMULATIVE", "DOUBLE"),
        "latency" => ("custom.googleapis.com/cumulative_distribution", "CUMULATIVE", "DISTRIBUTION"),
        "size" => ("custom.googleapis.com/gauge_distribution", "GAUGE", "DISTRIBUTION"),
        "last" => ("custom.googleapis.com/gauge_double", "GAUGE", "DOUBLE"),
        "state" => ("custom.googleapis.com/gauge_bool", "GAUGE", "BOOL"),
        "version" => ("custom.googleapis.com/gauge_string", "GAUGE", "STRING"),
        _ => ("istio.io/service/server/request_count", "DELTA", "INT64"),
    };
    let (metric, kind, value) = kind(name);
    let ours = all.iter().find(|series| series["metric"]["type"] == metric).unwrap();
    let interval = &ours["points"][0]["interval"];
    let own = metric.starts_with("custom.");
    let mut labels = json!({"app": "reviews", "code": "200"});
    if own {
        labels["mixer_replica"] = "pod-1".into();
    }
    let resource = json!({
        "project_id": PROJECT, "location": "us-west1", "cluster_name": "west", "namespace_name": "ns", "pod_name": "p",
    });
    json!({
        "type": metric, "kind": kind, "value_type": value, "labels": labels,
        "resource": {"type": "k8s_pod", "labels": resource},
        "start": interval["startTime"], "end": interval["endTime"],
        "unit": if own && !matches!(value, "BOOL" | "STRING") { "1" } else { "" },
        "description": if own { "What it is." } else { "" },
        "samples": samples, "bounds": [1.0, 10.0],
    })
}

/// In one order, and with numbers to twelve digits: both sides add up in their own order.
fn sorted(mut all: Vec<Json>) -> Vec<Json> {
    all.iter_mut().for_each(to_twelve_digits);
    all.sort_by_key(ToString::to_string);
    all
}

fn to_twelve_digits(json: &mut Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(to_twelve_digits),
        Json::Object(fields) => fields.values_mut().for_each(to_twelve_digits),
        Json::Number(number) if number.is_f64() => {
            *json = format!("{:.11e}", number.as_f64().unwrap()).parse::<f64>().unwrap().into();
        }
        _ => {}
    }
}
