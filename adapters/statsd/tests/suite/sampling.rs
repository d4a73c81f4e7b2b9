//! A share of the values is sent, and the server is told which.

use mixer_adapter_sdk::Duration;
use mixer_adapter_sdk::value::Value;
use serde_json::json;

use super::setup::*;

const INSTANCES: usize = 4000;

#[tokio::test]
async fn a_share_is_sent_with_its_rate() {
    let check = async |name: &str, value: Value, line: &str, whole: bool| {
        let listener = Listener::new();
        // Few payloads: the system holds only a few that nobody has read.
        let more = json!({"sampling_rate": 0.1, "flush_bytes": 100_000});
        let handler = build(&listener.params(more)).await;
        let name = format!("{name}.instance.ns");
        let instances = (0..INSTANCES).map(|_| (name.as_str(), metric(Some(&value), &[]))).collect();
        assert_eq!(report(&*handler, instances).await.dropped, []);
        handler.close().await;
        let found = listener.lines();
        // That it is 150 more or less than 400 has a probability below 1e-12.
        let expected = if whole { INSTANCES..INSTANCES + 1 } else { 250..550 };
        assert!(expected.contains(&found.len()), "{line}: {}", found.len());
        assert!(found.iter().all(|found| found == line), "{:?}", found.first());
    };
    check("c", Value::Int64(1), "c:1|c|@0.1", false).await;
    check("d", Value::Duration(Duration::from_nanos(1_000_000)), "d:1|ms|@0.1", false).await;
    check("g", Value::Int64(1), "g:1|g", true).await;
    check("s", text("a"), "s:a|s", true).await;
}
