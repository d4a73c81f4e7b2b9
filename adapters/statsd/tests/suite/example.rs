//! The shipped example, and the dashboard that goes with it.

use std::collections::BTreeSet;

use mixer_adapter_sdk::HandlerSpec;
use mixer_adapter_sdk::params::encode;
use serde_json::Value as Json;

const EXAMPLE: &str = include_str!("../../example.yaml");
const DASHBOARD: &str = include_str!("../../dashboard.json");

#[test]
fn the_example_is_valid() {
    let adapter = mixer_statsd_adapter::adapter();
    let params = encode(adapter.info(), EXAMPLE).unwrap();
    let spec = HandlerSpec { name: "h".into(), params, instances: Vec::new() };
    assert_eq!(adapter.validate(&spec), []);
}

#[test]
fn the_dashboard_shows_metrics_of_the_example() {
    let templates = EXAMPLE.lines().filter_map(|line| line.trim().strip_prefix("name_template: "));
    let names: BTreeSet<String> = templates.map(|name| format!("istio.{name}")).collect();
    let dashboard: Json = serde_json::from_str(DASHBOARD).unwrap();
    let mut shown = BTreeSet::new();
    let mut rest = vec![&dashboard];
    while let Some(value) = rest.pop() {
        match value {
            Json::Object(fields) => {
                if let Some(target) = fields.get("target").and_then(Json::as_str) {
                    // seriesByTag('name=stats.counters.istio.request.count.rate', …)
                    for part in target.split("'name=").skip(1) {
                        let name = part.split_once('\'').unwrap().0;
                        let name = name.strip_prefix("stats.").unwrap();
                        let name = ["counters.", "timers.", "gauges."]
                            .iter()
                            .find_map(|kind| name.strip_prefix(kind))
                            .unwrap();
                        shown.insert(name.rsplit_once('.').unwrap().0.to_owned());
                    }
                }
                rest.extend(fields.values());
            }
            Json::Array(values) => rest.extend(values),
            _ => {}
        }
    }
    assert_eq!(shown, names);
}
