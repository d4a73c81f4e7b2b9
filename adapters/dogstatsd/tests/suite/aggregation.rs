//! What is put together before it is sent.

use std::time::{SystemTime, UNIX_EPOCH};

use mixer_adapter_sdk::Duration;
use mixer_adapter_sdk::value::Value;
use serde_json::{Value as Json, json};

use super::setup::*;

async fn lines(more: Json, instances: &[(&str, Value, &str)]) -> Vec<String> {
    let agent = Agent::new();
    let handler = build(&agent.params(more)).await;
    for (name, value, app) in instances {
        let name = format!("{name}.instance.ns");
        let tags = [("app", text(app))];
        let outcome = report(&*handler, "metric", vec![(&name, metric(Some(value), &tags))]).await;
        assert_eq!(outcome.dropped, []);
    }
    handler.close().await;
    agent.lines()
}

fn some() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("c", Value::Int64(1), "a"),
        ("c", Value::Int64(2), "a"),
        ("c", Value::Int64(4), "b"),
        ("g", Value::Int64(1), "a"),
        ("g", Value::Int64(9), "a"),
        ("d", Value::Int64(5), "a"),
        ("d", Value::Int64(6), "a"),
        ("s", text("x"), "a"),
        ("s", text("y"), "a"),
        ("s", text("x"), "a"),
    ]
}

#[tokio::test]
async fn nothing() {
    let wanted = [
        "istio.c:1|c|#app:a",
        "istio.c:2|c|#app:a",
        "istio.c:4|c|#app:b",
        "istio.g:1|g|#app:a",
        "istio.g:9|g|#app:a",
        "istio.d:5|h|#app:a",
        "istio.d:6|h|#app:a",
        "istio.s:x|s|#app:a",
        "istio.s:y|s|#app:a",
        "istio.s:x|s|#app:a",
    ];
    assert_eq!(lines(json!({"aggregation": "NONE"}), &some()).await, wanted);
}

#[tokio::test]
async fn counters_gauges_and_sets() {
    let wanted = [
        "istio.d:5|h|#app:a",
        "istio.d:6|h|#app:a",
        "istio.c:3|c|#app:a",
        "istio.c:4|c|#app:b",
        "istio.g:9|g|#app:a",
        "istio.s:x|s|#app:a",
        "istio.s:y|s|#app:a",
    ];
    assert_eq!(lines(json!({}), &some()).await, wanted);
}

#[tokio::test]
async fn everything() {
    let wanted = [
        "istio.c:3|c|#app:a",
        "istio.c:4|c|#app:b",
        "istio.d:5:6|h|#app:a",
        "istio.g:9|g|#app:a",
        "istio.s:x|s|#app:a",
        "istio.s:y|s|#app:a",
    ];
    assert_eq!(lines(json!({"aggregation": "EXTENDED"}), &some()).await, wanted);
}

#[tokio::test]
async fn sums_stay_exact() {
    let big = i64::MAX - 1;
    let wanted = [format!("istio.c:{big}|c|#app:a"), format!("istio.c:{}|c|#app:a", big)];
    let found = lines(json!({}), &[("c", Value::Int64(big), "a"), ("c", Value::Int64(big), "a")]).await;
    assert_eq!(found, wanted);
    let half = Value::Double(1e308);
    let found = lines(json!({}), &[("c", half.clone(), "a"), ("c", half, "a")]).await;
    assert_eq!(found.len(), 2);
    let nanos = |nanos| Value::Duration(Duration::from_nanos(nanos));
    let found = lines(json!({}), &[("c", nanos(1), "a"), ("c", nanos(2_000_000), "a")]).await;
    assert_eq!(found, ["istio.c:2.000001|c|#app:a"]);
    // What does not go together goes on its own.
    let found = lines(json!({}), &[("c", Value::Int64(1), "a"), ("c", Value::Double(0.5), "a")]).await;
    assert_eq!(found, ["istio.c:0.5|c|#app:a", "istio.c:1|c|#app:a"]);
}

#[tokio::test]
async fn what_finds_no_room_is_sent_at_once() {
    let instances: Vec<_> = ["a", "b", "c", "a"].map(|app| ("c", Value::Int64(1), app)).into();
    let wanted = ["istio.c:1|c|#app:c", "istio.c:2|c|#app:a", "istio.c:1|c|#app:b"];
    assert_eq!(lines(json!({"max_series": 2}), &instances).await, wanted);
}

#[tokio::test]
async fn packed_values_stay_within_a_payload() {
    let instances: Vec<_> = (0..500).map(|number| ("d", Value::Int64(number), "a")).collect();
    let found = lines(json!({"aggregation": "EXTENDED", "max_payload_bytes": 1000}), &instances).await;
    assert!(found.iter().all(|line| line.len() < 1000), "{found:?}");
    assert!(found.len() < 5, "{found:?}");
    let values = found.iter().flat_map(|line| {
        let packed = line.strip_prefix("istio.d:").unwrap().strip_suffix("|h|#app:a").unwrap();
        packed.split(':').map(|value| value.parse::<i64>().unwrap())
    });
    assert!(values.eq(0..500));
}

#[tokio::test]
async fn timestamps_are_of_counters_and_gauges() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let before = now();
    let found = lines(json!({"timestamps": true}), &some()).await;
    let after = now();
    let mut stamped = 0;
    for line in found {
        let expected = line.starts_with("istio.c:") || line.starts_with("istio.g:");
        match line.rsplit_once("|T") {
            Some((_, time)) => {
                assert!((before..=after).contains(&time.parse().unwrap()), "{line}");
                stamped += 1;
            }
            None => assert!(!expected, "{line}"),
        }
    }
    assert_eq!(stamped, 3);
}

#[tokio::test]
async fn a_second_is_sent_once() {
    let agent = Agent::new();
    let handler = build(&agent.params(json!({"timestamps": true, "flush_interval": "0.02s"}))).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        report(&*handler, "metric", vec![("c.instance.ns", metric(Some(&Value::Int64(1)), &[]))]).await;
        tokio::select! {
            payload = agent.payload() => {
                seen.extend(payload.lines().map(|line| line.rsplit_once("|T").unwrap().1.to_owned()));
            }
            () = tokio::time::sleep(std::time::Duration::from_millis(5)) => {}
        }
    }
    handler.close().await;
    seen.extend(agent.lines().iter().map(|line| line.rsplit_once("|T").unwrap().1.to_owned()));
    let mut distinct = seen.clone();
    distinct.dedup();
    assert_eq!(seen, distinct);
}
