//! Metric instances become data points: every kind of value, every type of metric, over time, and for whom.

use mixer_adapter_sdk::value::Value;
use mixer_adapter_sdk::{Duration, Timestamp};
use mixer_proto::otlp::metrics::metric::Data;
use mixer_proto::policy::v1beta1 as policy;
use mixer_proto::template::metric;
use prost::Message as _;
use serde_json::{Value as Json, json};

use crate::flat;
use crate::support::{Rig, policy_value, reasons, text, values};

const NAMES: [&str; 4] = ["sum", "gauge", "histogram", "exponential"];

fn resource() -> Json {
    json!({"service.instance.id": "replica-1", "service.name": "unknown_service:mixer"})
}

#[tokio::test]
async fn every_kind_of_value_becomes_a_number_or_is_dropped() {
    let check = async |value: Value, wanted: Result<f64, &str>| {
        let rig = Rig::new(json!({})).await;
        for name in NAMES {
            let outcome = rig.metric(name, value.clone(), &[]).await;
            assert_eq!(reasons(&outcome), wanted.err().into_iter().collect::<Vec<_>>(), "{name} {value:?}");
        }
        let found = flat::metrics(&rig.close().await);
        let Ok(n) = wanted else { return assert_eq!(found, [] as [Json; 0]) };
        assert_eq!(found.len(), 4);
        for point in found {
            let number = ["cumulative", "gauge", "sum"].iter().find_map(|key| point.get(key));
            assert_eq!(number, Some(&json!(n)), "{value:?} {point}");
        }
    };
    check(Value::Int64(7), Ok(7.0)).await;
    check(Value::Double(1.5), Ok(1.5)).await;
    check(Value::Double(0.0), Ok(0.0)).await;
    check(text("2.5"), Ok(2.5)).await;
    check(Value::Duration(Duration::from_nanos(1_500_250_000)), Ok(1.500_25)).await;
    for value in [
        text("x"),
        Value::Bool(true),
        Value::Timestamp(Timestamp::now()),
        Value::Ip(vec![10, 0, 0, 1].into()),
        Value::Email("a@b".to_owned()),
        Value::Dns("a.b".to_owned()),
        Value::Uri("/".to_owned()),
        Value::StringMap([("a".to_owned(), "1".to_owned())].into()),
    ] {
        check(value, Err("not_a_number")).await;
    }
    check(Value::Double(f64::NAN), Err("not_finite")).await;
    check(Value::Double(f64::INFINITY), Err("not_finite")).await;
}

#[tokio::test]
async fn instances_that_cannot_be_used_are_counted_by_reason() {
    let rig = Rig::new(json!({})).await;
    let check = async |name: &str, instance: Vec<u8>, reason: &str| {
        assert_eq!(reasons(&rig.report("metric", name, instance).await), [reason]);
    };
    let of = |value: Option<Value>| {
        let value = value.as_ref().map(policy_value);
        metric::InstanceMsg { value, ..Default::default() }.encode_to_vec()
    };
    check("sum", of(Some(Value::Int64(-1))), "negative_count").await;
    check("sum", of(None), "no_value").await;
    check("other", of(Some(Value::Int64(1))), "unknown_instance").await;
    check("sum", vec![0x0a, 0x7f], "malformed").await;
    assert!(rig.close().await.requests.is_empty(), "nothing is no request");
}

#[tokio::test]
async fn samples_are_put_together_by_type_and_dimensions() {
    let rig = Rig::new(json!({})).await;
    for (app, number) in [("a", 3.0), ("a", 1.5), ("b", 7.0), ("a", 0.0)] {
        for name in NAMES {
            rig.metric(name, Value::Double(number), &[("app", text(app))]).await;
        }
    }
    let found = flat::metrics(&rig.close().await);
    let of = |app: &str| -> Vec<Json> {
        found.iter().filter(|point| point["attributes"] == json!({"app": app})).cloned().collect()
    };
    let (resource, attributes) = (resource(), json!({"app": "a"}));
    let wanted = [
        json!({"name": "sum", "resource": resource, "attributes": attributes, "cumulative": 4.5}),
        json!({"name": "gauge", "resource": resource, "attributes": attributes, "gauge": 0.0}),
        json!({"name": "histogram", "resource": resource, "attributes": attributes, "temporality": 2, "count": 3,
            "sum": 4.5, "min": 0.0, "max": 3.0, "buckets": [1, 1, 1, 0], "bounds": [1.0, 2.0, 5.0]}),
    ];
    let a = of("a");
    for point in wanted {
        assert!(a.contains(&point), "{point}\nis not in\n{a:#?}");
    }
    let exponential = a.iter().find(|point| point["name"] == "exponential").unwrap();
    assert_eq!((&exponential["count"], &exponential["zeros"]), (&json!(3), &json!(1)));
    // 1.5 is above 3 / 2^n for any n, so the two stay apart by one octave of buckets.
    let (offset, counts) = (&exponential["positive"][0], exponential["positive"][1].as_array().unwrap());
    let base = 2f64.powf(2f64.powf(-exponential["scale"].as_f64().unwrap()));
    assert!((81..=160).contains(&counts.len()), "{exponential}");
    let low = base.powf(offset.as_f64().unwrap());
    assert!(low < 1.5 && low * base >= 1.5 * (1.0 - 1e-9), "{low} {base}");
    assert_eq!(of("b").len(), 4);
}

#[tokio::test]
async fn values_below_zero_leave_histograms_without_a_sum() {
    let rig = Rig::new(json!({})).await;
    for name in ["histogram", "exponential", "gauge"] {
        rig.metric(name, Value::Double(-1.5), &[]).await;
    }
    for point in flat::metrics(&rig.close().await).iter().filter(|point| point["name"] != "gauge") {
        assert_eq!((&point["sum"], &point["min"], &point["max"]), (&Json::Null, &json!(-1.5), &json!(-1.5)));
    }
}

#[tokio::test]
async fn names_units_and_durations() {
    let duration = Value::Duration(Duration::from_nanos(90_000_000_000));
    let check = async |unit: &str, value: Value, wanted: Result<f64, &str>| {
        let metric = json!({"name": "d", "type": "GAUGE", "unit": unit, "description": "What it tells."});
        let rig = Rig::new(json!({"metrics": {"d.instance.ns": metric}})).await;
        let outcome = rig.metric("d", value, &[]).await;
        assert_eq!(reasons(&outcome), wanted.err().into_iter().collect::<Vec<_>>(), "{unit}");
        let found = flat::metrics(&rig.close().await);
        let Ok(number) = wanted else { return };
        let mut point = json!({"attributes": {}, "description": "What it tells.", "gauge": number, "name": "d",
            "resource": resource(), "unit": unit});
        if unit.is_empty() {
            point.as_object_mut().unwrap().remove("unit");
        }
        assert_eq!(found, [point]);
    };
    for (unit, wanted) in
        [("", 90.0), ("s", 90.0), ("ms", 90e3), ("us", 90e6), ("ns", 90e9), ("min", 1.5), ("h", 0.025)]
    {
        check(unit, duration.clone(), Ok(wanted)).await;
        check(unit, Value::Double(2.0), Ok(2.0)).await;
    }
    check("By", duration, Err("unit_of_duration")).await;
    check("By", Value::Int64(5), Ok(5.0)).await;
    check("{request}", Value::Int64(5), Ok(5.0)).await;
}

#[tokio::test]
async fn bounds_follow_the_unit_unless_they_are_said() {
    let check = async |unit: &str, bounds: Json, wanted: (usize, f64)| {
        let metric = json!({"name": "d", "type": "HISTOGRAM", "unit": unit, "bounds": bounds});
        let rig = Rig::new(json!({"metrics": {"d.instance.ns": metric}})).await;
        rig.metric("d", Value::Int64(1), &[]).await;
        let found = flat::metrics(&rig.close().await);
        let bounds = found[0]["bounds"].as_array().unwrap();
        assert_eq!((bounds.len(), bounds[0].as_f64().unwrap()), wanted);
    };
    check("s", json!([]), (14, 0.005)).await;
    check("ms", json!([]), (15, 0.0)).await;
    check("s", json!([0.5]), (1, 0.5)).await;
}

/// Start and time of every point of a metric, in the order in which they came, and its number.
fn times(seen: &mixer_testkit::OtlpSeen, name: &str) -> Vec<(u64, u64, f64)> {
    let scopes = seen
        .metrics
        .iter()
        .flat_map(|request| &request.resource_metrics)
        .flat_map(|group| &group.scope_metrics);
    let mut all = Vec::new();
    for metric in scopes.flat_map(|scope| &scope.metrics).filter(|metric| metric.name == name) {
        match metric.data.as_ref().unwrap() {
            Data::Sum(data) => all.extend(data.data_points.iter().map(|point| {
                use mixer_proto::otlp::metrics::number_data_point::Value;
                let Some(Value::AsDouble(number)) = point.value else { panic!("{point:?}") };
                (point.start_time_unix_nano, point.time_unix_nano, number)
            })),
            Data::Histogram(data) => all.extend(
                data.data_points
                    .iter()
                    .map(|point| (point.start_time_unix_nano, point.time_unix_nano, point.count as f64)),
            ),
            Data::ExponentialHistogram(data) => all.extend(
                data.data_points
                    .iter()
                    .map(|point| (point.start_time_unix_nano, point.time_unix_nano, point.count as f64)),
            ),
            other => panic!("{other:?}"),
        }
    }
    all
}

#[tokio::test]
async fn deltas_follow_each_other_and_cumulative_points_keep_their_start() {
    for (temporality, totals) in [("DELTA", [1.0, 2.0]), ("CUMULATIVE", [1.0, 3.0])] {
        let rig = Rig::new(json!({"temporality": temporality, "metrics_period": "0.2s"})).await;
        let names = ["sum", "histogram", "exponential"];
        for name in names {
            rig.metric(name, Value::Int64(1), &[]).await;
        }
        let all_at_least = |wanted: f64| {
            move |seen: &mixer_testkit::OtlpSeen| {
                names
                    .iter()
                    .all(|name| times(seen, name).last().is_some_and(|(.., number)| *number >= wanted))
            }
        };
        rig.until(all_at_least(totals[0])).await;
        for name in names {
            rig.metric(name, Value::Int64(1), &[]).await;
            rig.metric(name, Value::Int64(1), &[]).await;
        }
        rig.until(all_at_least(totals[1])).await;
        let seen = rig.close().await;
        for name in names {
            let points = times(&seen, name);
            let (first, last) = (points[0], points[points.len() - 1]);
            assert!(first.0 < first.1 && last.0 < last.1, "{name} {points:?}");
            let sum: f64 = match temporality {
                "DELTA" => points.iter().map(|(.., number)| number).sum(),
                _ => last.2,
            };
            // A histogram counts, the sum adds ones.
            assert_eq!(sum, 3.0, "{name} {points:?}");
            match temporality {
                "DELTA" => assert!(points.is_sorted_by(|a, b| a.1 <= b.0), "{name} {points:?}"),
                _ => assert!(points.iter().all(|point| point.0 == first.0), "{name} {points:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_cumulative_series_that_was_idle_starts_anew() {
    let rig = Rig::new(json!({"metrics_period": "0.1s", "idle_series_timeout": "0.3s"})).await;
    rig.metric("sum", Value::Int64(5), &[]).await;
    rig.until(|seen| !times(seen, "sum").is_empty()).await;
    // A gauge shows when the series is gone: its request has no sum.
    let gone = |seen: &mixer_testkit::OtlpSeen| {
        let last = seen.metrics.last();
        last.is_some_and(|request| {
            format!("{request:?}").contains("gauge") && !format!("{request:?}").contains("\"sum\"")
        })
    };
    loop {
        rig.metric("gauge", Value::Int64(1), &[]).await;
        let many = rig.fake.seen().metrics.len();
        let seen = rig.until(|seen| seen.metrics.len() > many).await;
        if gone(&seen) {
            break;
        }
    }
    rig.metric("sum", Value::Int64(2), &[]).await;
    let points = times(&rig.close().await, "sum");
    let (first, last) = (points[0], points[points.len() - 1]);
    assert_eq!((first.2, last.2), (5.0, 2.0));
    let end_of_first = points.iter().filter(|point| point.0 == first.0).map(|point| point.1).max().unwrap();
    assert!(last.0 >= end_of_first, "{points:?}");
}

#[tokio::test]
async fn dimensions_become_attributes_or_tell_of_the_resource() {
    let rig = Rig::new(json!({
        "resource_attributes": {"k8s.cluster.name": "west"},
        "resource_dimensions": {"destination_app": "service.name", "destination_namespace": "k8s.namespace.name"},
        "attribute_names": {"response_code": "http.response.status_code"},
    }))
    .await;
    for app in ["cart", "shop"] {
        let dimensions = [
            ("destination_app", text(app)),
            ("destination_namespace", text("prod")),
            ("response_code", Value::Int64(200)),
            ("ip", Value::Ip(vec![10, 0, 0, 1].into())),
            ("tls", Value::Bool(true)),
            ("share", Value::Double(0.5)),
            ("took", Value::Duration(Duration::from_nanos(1_500_000_000))),
            ("labels", Value::StringMap([("b", "2"), ("a", "1")].map(|(k, v)| (k.into(), v.into())).into())),
        ];
        rig.metric("sum", Value::Int64(1), &dimensions).await;
    }
    let seen = rig.close().await;
    assert_eq!(seen.metrics[0].resource_metrics.len(), 2, "one group for each resource");
    let attributes = json!({"http.response.status_code": 200, "ip": "10.0.0.1", "labels": "a=1&b=2",
        "share": 0.5, "tls": true, "took": 1.5});
    let wanted = ["cart", "shop"].map(|app| {
        let resource = json!({"k8s.cluster.name": "west", "k8s.namespace.name": "prod",
            "service.instance.id": "replica-1", "service.name": app});
        json!({"attributes": attributes, "cumulative": 1.0, "name": "sum", "resource": resource})
    });
    assert_eq!(flat::metrics(&seen), wanted);
}

#[tokio::test]
async fn the_monitored_resource_is_the_resource() {
    let rig = Rig::new(json!({"resource_dimensions": {"pod_id": "k8s.pod.name"}})).await;
    let instance = metric::InstanceMsg {
        value: Some(policy_value(&Value::Int64(1))),
        monitored_resource_type: "k8s_pod".to_owned(),
        monitored_resource_dimensions: values(&[("pod_id", text("cart-1")), ("zone", text("a"))]),
        ..Default::default()
    };
    rig.report("metric", "sum", instance.encode_to_vec()).await;
    let wanted = json!({"k8s.pod.name": "cart-1", "mixer.monitored_resource.type": "k8s_pod", "zone": "a",
        "service.instance.id": "replica-1", "service.name": "unknown_service:mixer"});
    assert_eq!(flat::metrics(&rig.close().await)[0]["resource"], wanted);
}

#[tokio::test]
async fn too_many_series_overflow_into_one() {
    let sum = json!({"name": "sum", "type": "SUM", "max_series": 2});
    let rig = Rig::new(json!({"metrics": {"sum.instance.ns": sum}})).await;
    for app in ["a", "b", "c", "d"] {
        rig.metric("sum", Value::Int64(1), &[("app", text(app))]).await;
    }
    let found = flat::metrics(&rig.close().await);
    assert_eq!(found.len(), 3);
    let overflow = found.iter().find(|point| point["attributes"] == json!({"otel.metric.overflow": true}));
    assert_eq!(overflow.unwrap()["cumulative"], json!(2.0));
}

#[tokio::test]
async fn instances_with_the_same_entry_are_one_metric() {
    let all = json!({"name": "all", "type": "SUM"});
    let metrics = json!({"a.instance.ns": all, "b.instance.ns": all});
    let rig = Rig::new(json!({"metrics": metrics})).await;
    rig.metric("a", Value::Int64(1), &[]).await;
    rig.metric("b", Value::Int64(2), &[]).await;
    let found = flat::metrics(&rig.close().await);
    assert_eq!((found.len(), &found[0]["cumulative"]), (1, &json!(3.0)));
}

#[tokio::test]
async fn the_instance_id_is_random_unless_it_is_said() {
    let mut seen = std::collections::HashSet::new();
    for _ in 0..2 {
        let rig = Rig::new(json!({"instance_id": ""})).await;
        rig.metric("sum", Value::Int64(1), &[]).await;
        let found = flat::metrics(&rig.close().await);
        let id = found[0]["resource"]["service.instance.id"].as_str().unwrap().to_owned();
        assert_eq!(id.len(), 36);
        assert!(seen.insert(id));
    }
}

#[tokio::test]
async fn an_attribute_that_is_absent_is_left_out() {
    let rig = Rig::new(json!({})).await;
    let mut dimensions = values(&[("there", text("x"))]);
    dimensions.insert("absent".to_owned(), policy::Value::default());
    dimensions.insert(String::new(), policy_value(&text("nameless")));
    let instance =
        metric::InstanceMsg { value: Some(policy_value(&Value::Int64(1))), dimensions, ..Default::default() };
    rig.report("metric", "sum", instance.encode_to_vec()).await;
    assert_eq!(flat::metrics(&rig.close().await)[0]["attributes"], json!({"_": "nameless", "there": "x"}));
}
