//! Payloads that come from the disk and that an API finds too large: they are split, and everything arrives once.

use mixer_adapter_sdk::value::Value;
use mixer_testkit::GoogleReply::{Status, Well};
use mixer_testkit::{GoogleReply, GoogleSeen};
use serde_json::{Value as Json, json};

use crate::spans::span;
use crate::support::{Rig, log, text};

const TOO_LARGE: GoogleReply = Status(413, None);

/// Reports four of a kind, the calls with which are answered so, and returns what has arrived.
async fn four(template: &'static str, more: Json, replies: Vec<GoogleReply>) -> GoogleSeen {
    let (rig, _home) = Rig::spooled(more).await;
    rig.fake.script(replies);
    let of = |index: usize| match template {
        "metric" => {
            let app = text(&format!("app-{index}"));
            crate::support::metric(Value::Double(0.1 + index as f64 / 3.0), &[("app", app)], ("", &[]))
        }
        "logentry" => log("info", None, &[("share", Value::Double(0.1 + index as f64 / 3.0))]),
        _ => span(&format!("a2fb4a1d1a96d31{index}"), ""),
    };
    let name = if template == "metric" { "last" } else { "access" };
    let outcome = rig.report(template, (0..4).map(|index| (name, of(index)))).await.unwrap();
    assert_eq!(outcome.dropped, []);
    rig.close().await
}

#[tokio::test]
async fn what_is_too_large_is_split_and_arrives() {
    // Halves, and the halves of the first one.
    let twice = || vec![TOO_LARGE, TOO_LARGE];
    let logs = json!({"harvest_period": "3600s", "log_info": {"access.instance.ns": {}}});
    let seen = four("logentry", logs, twice()).await;
    assert_eq!((seen.entries.len(), seen.duplicate_entries), (4, 0));
    assert_eq!(seen.answers_of("entries:write"), 5);
    let mut shares: Vec<_> =
        seen.entries.iter().filter_map(|entry| entry["jsonPayload"]["share"].as_f64()).collect();
    shares.sort_by(f64::total_cmp);
    assert_eq!(shares, [0.1, 0.1 + 1.0 / 3.0, 0.1 + 2.0 / 3.0, 1.1], "to the last digit");

    let spans = json!({"harvest_period": "3600s", "trace": {"sample_probability": 1}});
    let seen = four("tracespan", spans, twice()).await;
    let mut ids: Vec<_> = seen.spans.iter().filter_map(|span| span["spanId"].as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["a2fb4a1d1a96d310", "a2fb4a1d1a96d311", "a2fb4a1d1a96d312", "a2fb4a1d1a96d313"]);
    assert_eq!(seen.answers_of("batchWrite"), 5);

    // The descriptor goes first.
    let seen = four("metric", json!({}), [vec![Well], twice()].concat()).await;
    assert_eq!((seen.series.len(), seen.answers_of("timeSeries")), (4, 5));
}
