//! The shipped example, and the dashboard that goes with it.

use std::collections::BTreeSet;

use mixer_adapter_sdk::HandlerSpec;
use mixer_adapter_sdk::params::encode;

const EXAMPLE: &str = include_str!("../../example.yaml");
const DASHBOARD: &str = include_str!("../../dashboard.json");

#[test]
fn the_example_is_valid() {
    let adapter = mixer_dogstatsd_adapter::adapter();
    let params = encode(adapter.info(), EXAMPLE).unwrap();
    let spec = HandlerSpec { name: "h".into(), params, instances: Vec::new() };
    assert_eq!(adapter.validate(&spec), []);
}

#[test]
fn the_dashboard_shows_metrics_of_the_example() {
    let names: BTreeSet<String> = EXAMPLE
        .lines()
        .filter_map(|line| line.trim().strip_prefix("name: "))
        .map(|name| format!("istio.{name}"))
        .collect();
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut shown = BTreeSet::new();
    let mut rest = vec![&dashboard];
    while let Some(value) = rest.pop() {
        match value {
            serde_json::Value::Object(fields) => {
                if let Some(query) = fields.get("query").and_then(serde_json::Value::as_str) {
                    let metric = query.split_once(':').unwrap().1.split_once('{').unwrap().0;
                    shown.insert(metric.to_owned());
                }
                rest.extend(fields.values());
            }
            serde_json::Value::Array(values) => rest.extend(values),
            _ => {}
        }
    }
    assert_eq!(shown, names);
}
