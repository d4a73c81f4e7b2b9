//! A StatsD server takes the lines of protocol 1.0, and knows their tags.

use mixer_adapter_sdk::Duration;
use mixer_adapter_sdk::value::Value;
use mixer_harness::StatsdServer;
use serde_json::json;

use super::setup::*;

#[tokio::test]
async fn a_statsd_server_adds_up_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut server) = StatsdServer::start(folder.path()).await.unwrap() else {
        println!("skipped: run `cargo xtask test`, which installs StatsD");
        return;
    };
    let agent = Agent::new();
    let params =
        agent.params(json!({"address": server.udp(), "aggregation": "NONE", "global_tags": {"g": "h"}}));
    let handler = build(&params).await;
    let tags = [("app", text("a b")), ("code", Value::Int64(200))];
    for number in 1..=3 {
        for (name, value) in [
            ("c", Value::Int64(number)),
            ("g", Value::Double(number as f64 + 0.5)),
            ("d", Value::Duration(Duration::from_nanos(number * 1_500_000))),
            ("s", text(if number == 1 { "x" } else { "y" })),
        ] {
            let name = format!("{name}.instance.ns");
            report(&*handler, "metric", vec![(&name, metric(Some(&value), &tags))]).await;
        }
    }
    handler.close().await;
    assert_eq!(server.wait_for(12).await.unwrap(), 0);
    let name = |metric: &str| format!("istio.{metric};app=a_b;code=200;g=h");
    assert_eq!(server.taken("counters").await.unwrap(), [(name("c"), "6".to_owned())].into());
    assert_eq!(server.taken("gauges").await.unwrap(), [(name("g"), "3.5".to_owned())].into());
    assert_eq!(server.taken("timers").await.unwrap(), [(name("d"), "[ 1.5, 3, 4.5 ]".to_owned())].into());
}
