//! A share of the values is sent, and the agent is told which.

use mixer_adapter_sdk::value::Value;
use serde_json::{Value as Json, json};

use super::setup::*;

const INSTANCES: usize = 4000;

async fn sent(metric_name: &str, more: Json) -> Vec<String> {
    let agent = Agent::new();
    // Few payloads: the system holds only a few that nobody has read.
    let mut params = agent.params(json!({"sample_rate": 0.25, "max_payload_bytes": 100_000}));
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let handler = build(&params).await;
    let name = format!("{metric_name}.instance.ns");
    let instances = (0..INSTANCES).map(|_| (name.as_str(), metric(Some(&Value::Int64(1)), &[]))).collect();
    assert_eq!(report(&*handler, "metric", instances).await.dropped, []);
    handler.close().await;
    agent.lines()
}

/// Of 4000 values a quarter is 1000; that it is 200 more or less has a probability below 1e-12.
fn is_a_quarter(count: usize) -> bool {
    (800..1200).contains(&count)
}

#[tokio::test]
async fn a_share_is_sent_with_its_rate() {
    let found = sent("d", json!({})).await;
    assert!(is_a_quarter(found.len()), "{}", found.len());
    assert!(found.iter().all(|line| line == "istio.d:1|h|@0.25"), "{:?}", found.first());
    let found = sent("c", json!({"aggregation": "NONE"})).await;
    assert!(is_a_quarter(found.len()), "{}", found.len());
    assert!(found.iter().all(|line| line == "istio.c:1|c|@0.25"), "{:?}", found.first());
}

#[tokio::test]
async fn packed_values_have_their_rate() {
    let found = sent("d", json!({"aggregation": "EXTENDED"})).await;
    let values: usize = found.iter().map(|line| line.matches(':').count()).sum();
    assert!(is_a_quarter(values), "{values}");
    assert!(found.iter().all(|line| line.ends_with("|h|@0.25")), "{found:?}");
}

#[tokio::test]
async fn sums_gauges_and_sets_are_whole() {
    assert_eq!(sent("c", json!({})).await, [format!("istio.c:{INSTANCES}|c")]);
    assert_eq!(sent("g", json!({"aggregation": "NONE"})).await.len(), INSTANCES);
    assert_eq!(sent("s", json!({"aggregation": "NONE"})).await.len(), INSTANCES);
}
