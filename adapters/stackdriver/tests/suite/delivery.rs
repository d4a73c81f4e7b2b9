//! Points arrive once, whatever the API answers, and those of two replicas do not meet.

use mixer_adapter_sdk::value::Value;
use mixer_testkit::GoogleReply::{Partly, Status, Well, WrittenBut};
use mixer_testkit::{GoogleReply, GoogleSeen};
use serde_json::json;

use crate::support::{Rig, points, text};

const COUNT: &str = "custom.googleapis.com/cumulative_int64";

/// Three series with these answers to the calls after that for the descriptor.
async fn three_points(replies: &[GoogleReply]) -> GoogleSeen {
    let rig = Rig::new(json!({})).await;
    rig.fake.script([Well].into_iter().chain(replies.iter().cloned()));
    for app in ["a", "b", "c"] {
        rig.metric("count", Value::Int64(1), &[("app", text(app))]).await;
    }
    rig.close().await
}

#[tokio::test]
async fn every_answer_is_handled_as_documented() {
    // Answers before the good one, points that are written, calls, points that came too late.
    let check = async |replies: &[GoogleReply], written: usize, calls: usize, late: usize| {
        let rig = Rig::new(json!({})).await;
        rig.fake.script([Well].into_iter().chain(replies.iter().cloned()));
        for app in ["a", "b", "c"] {
            rig.metric("count", Value::Int64(1), &[("app", text(app))]).await;
        }
        rig.handler.close().await;
        let seen = rig.fake.seen();
        let found = (seen.series.len(), seen.answers_of("timeSeries"), seen.out_of_order);
        assert_eq!(found, (written, calls, late), "{replies:?}");
        // A point that was written comes again only when its answer was lost, and is refused.
        assert_eq!(seen.faults.len(), usize::from(late > 0), "{:?}", seen.faults);
    };
    check(&[], 3, 1, 0).await;
    for status in [429, 503, 504, 502] {
        check(&[Status(status, None)], 3, 2, 0).await;
    }
    check(&[Status(429, Some(1)), Status(503, None)], 3, 3, 0).await;
    for status in [400, 403, 404, 500] {
        check(&[Status(status, None)], 0, 1, 0).await;
    }
    // The rest was written, and nothing is sent again.
    for code in [3, 13, 14, 8] {
        check(&[Partly(1, code)], 2, 1, 0).await;
        check(&[Partly(2, code)], 1, 1, 0).await;
    }
    // Nothing was written, and it may be later; or never.
    check(&[Partly(3, 14)], 3, 2, 0).await;
    check(&[Partly(3, 4)], 3, 2, 0).await;
    check(&[Partly(3, 3)], 0, 1, 0).await;
    // The answer was lost: the API refuses what it has.
    check(&[WrittenBut(503)], 3, 2, 3).await;
}

#[tokio::test]
async fn two_replicas_write_series_of_their_own() {
    let rig = Rig::new(json!({})).await;
    let more = json!({"replica_label": "pod"});
    let check = async |more: &serde_json::Value, label: &str| {
        let before = rig.fake.seen().series.len();
        for replica in ["one", "two"] {
            let own = rig.beside(more, replica).await;
            own.metric("count", Value::Int64(1), &[]).await;
            own.close().await;
        }
        let all = points(&rig.fake.seen(), COUNT);
        let labels: Vec<_> =
            all.iter().filter_map(|(labels, _)| labels[label].as_str().map(ToOwned::to_owned)).collect();
        assert_eq!((all.len() - before, labels), (2, vec!["one".to_owned(), "two".to_owned()]));
    };
    check(&json!({}), "mixer_replica").await;
    check(&more, "pod").await;
}

#[tokio::test]
async fn a_handler_that_starts_again_begins_its_series_later() {
    let rig = Rig::new(json!({})).await;
    rig.metric("count", Value::Int64(7), &[]).await;
    rig.close().await;
    let again = rig.beside(&json!({}), "pod-1").await;
    again.metric("count", Value::Int64(1), &[]).await;
    again.handler.close().await;
    // The same series, less than five seconds later: the API says why it does not take the point, and not that its start
    // is older than the last end.
    let seen = rig.fake.seen();
    assert_eq!((seen.series.len(), seen.out_of_order), (1, 1));
    assert!(seen.faults[0].contains("more frequently"), "{:?}", seen.faults);
}

#[tokio::test]
async fn points_of_partial_failures_are_those_that_are_left() {
    let seen = three_points(&[Partly(1, 3)]).await;
    assert_eq!(points(&seen, COUNT).len(), 2);
}
