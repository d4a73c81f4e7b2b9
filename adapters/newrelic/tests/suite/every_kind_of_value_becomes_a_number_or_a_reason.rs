//! Every kind of value and every type of metric: the number that New Relic gets, or the reason why it gets none.

use mixer_adapter_sdk::Duration;
use mixer_adapter_sdk::value::Value;
use serde_json::{Value as Json, json};

use crate::metrics::plain;
use crate::support::{Rig, every_kind, reasons, text};

async fn check(value: &Value, number: Result<f64, &str>) {
    let rig = Rig::new(json!({})).await;
    for metric in ["c", "g", "s"] {
        let outcome = rig.metric(metric, value.clone(), &[]).await;
        let wanted = number.err().map(|reason| (reason, 1));
        assert_eq!(reasons(&outcome), wanted.into_iter().collect(), "{metric} {value:?}");
    }
    let found = plain(&rig.close().await);
    let Ok(n) = number else { return assert_eq!(found, [] as [Json; 0]) };
    let wanted = [
        json!({"name": "istio.c", "type": "count", "value": n}),
        json!({"name": "istio.g", "type": "gauge", "value": n}),
        json!({"name": "istio.s", "type": "summary", "value": {"count": 1, "sum": n, "min": n, "max": n}}),
    ];
    assert_eq!(found, wanted, "{value:?}");
}

#[tokio::test]
async fn every_kind_and_every_type() {
    let numbers = [
        ("STRING", Err("not_a_number")),
        ("STRING with a number", Ok(2.5)),
        ("INT64", Ok(7.0)),
        ("DOUBLE", Ok(1.5)),
        ("BOOL", Err("not_a_number")),
        ("IP_ADDRESS", Err("not_a_number")),
        ("TIMESTAMP", Err("not_a_number")),
        ("DURATION", Ok(1500.25)),
        ("EMAIL_ADDRESS", Err("not_a_number")),
        ("DNS_NAME", Err("not_a_number")),
        ("URI", Err("not_a_number")),
        ("STRING_MAP", Err("not_a_number")),
    ];
    let kinds = every_kind();
    assert_eq!(kinds.len(), numbers.len());
    for ((kind, value), (of, number)) in kinds.into_iter().zip(numbers) {
        assert_eq!(kind, of);
        check(&value, number).await;
    }
}

#[tokio::test]
async fn edges() {
    check(&Value::Int64(0), Ok(0.0)).await;
    check(&Value::Duration(Duration::from_nanos(1)), Ok(1e-6)).await;
    check(&text("1e3"), Ok(1000.0)).await;
    check(&text(""), Err("not_a_number")).await;
    check(&text("NaN"), Err("not_finite")).await;
    check(&text("inf"), Err("not_finite")).await;
    check(&Value::Double(f64::NAN), Err("not_finite")).await;
    check(&Value::Double(f64::INFINITY), Err("not_finite")).await;
    check(&Value::Double(f64::NEG_INFINITY), Err("not_finite")).await;
}

/// What is no longer a number after samples were added up is dropped, and nothing else.
#[tokio::test]
async fn a_sum_beyond_all_numbers() {
    let rig = Rig::new(json!({})).await;
    for _ in 0..2 {
        for metric in ["c", "s"] {
            rig.metric(metric, Value::Double(f64::MAX), &[]).await;
        }
        rig.metric("g", Value::Double(f64::MAX), &[]).await;
    }
    let wanted = [json!({"name": "istio.g", "type": "gauge", "value": f64::MAX})];
    assert_eq!(plain(&rig.close().await), wanted);
}

#[tokio::test]
async fn a_count_does_not_go_down() {
    let rig = Rig::new(json!({})).await;
    let negative = Value::Int64(-1);
    assert_eq!(reasons(&rig.metric("c", negative.clone(), &[]).await), [("negative_count", 1)].into());
    assert_eq!(reasons(&rig.metric("g", negative, &[]).await), [].into());
}
