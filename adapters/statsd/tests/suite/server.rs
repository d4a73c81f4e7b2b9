//! Etsy's server takes what is sent to it over UDP and TCP, and has the same numbers in the end.

use mixer_adapter_sdk::Duration;
use mixer_adapter_sdk::value::Value;
use mixer_harness::StatsdServer;
use serde_json::json;

use super::setup::*;

#[tokio::test]
async fn the_server_has_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut server) = StatsdServer::start(folder.path()).await.unwrap() else {
        println!("skipped: run `cargo xtask test`, which installs StatsD");
        return;
    };
    for (index, (prefix, address)) in [("u", server.udp()), ("t", server.tcp())].into_iter().enumerate() {
        let more = json!({
            "address": address,
            "prefix": prefix,
            "graphite_tags": true,
            "global_tags": {"g": "h"},
            "integer_distribution": "AS_TIMING",
        });
        let handler = build(&params(more)).await;
        let tags = [("app", text("a b")), ("code", Value::Int64(200))];
        for number in 1..=3 {
            for (name, value) in [
                ("c", Value::Int64(number)),
                ("g", Value::Double(number as f64 - 10.5)),
                ("d", Value::Duration(Duration::from_nanos(number * 1_500_000))),
                ("d", Value::Int64(number)),
                ("s", text("x")),
            ] {
                let name = format!("{name}.instance.ns");
                report(&*handler, vec![(&name, metric(Some(&value), &tags))]).await;
            }
        }
        handler.close().await;
        // A gauge below 0 takes two lines.
        assert_eq!(server.wait_for(18 * (index as u64 + 1)).await.unwrap(), 0);
    }
    let check = async |what: &str, metric: &str, value: &str| {
        let of = |prefix: &str| (format!("{prefix}.{metric};app=a_b;code=200;g=h"), value.to_owned());
        assert_eq!(server.taken(what).await.unwrap(), ["u", "t"].map(of).into(), "{what}");
    };
    check("counters", "c", "6").await;
    check("gauges", "g", "-7.5").await;
    check("timers", "d", "[ 1.5, 1, 3, 2, 4.5, 3 ]").await;
}

#[tokio::test]
async fn a_rate_is_made_up_for() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut server) = StatsdServer::start(folder.path()).await.unwrap() else {
        println!("skipped: run `cargo xtask test`, which installs StatsD");
        return;
    };
    // Over TCP nothing is lost beside what is left out on purpose, and what comes last is there last.
    let more = json!({"address": server.tcp(), "sampling_rate": 0.25});
    let handler = build(&params(more)).await;
    let mut instances: Vec<_> =
        (0..4000).map(|_| ("c.instance.ns", metric(Some(&Value::Int64(1)), &[]))).collect();
    instances.push(("g.instance.ns", metric(Some(&Value::Int64(1)), &[])));
    report(&*handler, instances).await;
    handler.close().await;
    let there = async {
        while !server.taken("gauges").await.unwrap().contains_key("g") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), there).await.unwrap();
    let taken: u64 = server.taken("counters").await.unwrap()["c"].parse().unwrap();
    // Each line counts for four. That it is 800 more or less than 4000 has a probability below 1e-12.
    assert!((3200..=4800).contains(&taken) && taken.is_multiple_of(4), "{taken}");
    assert_eq!(server.wait_for(taken / 4 + 1).await.unwrap(), 0);
}
