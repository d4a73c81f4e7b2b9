//! A process that is told to stop in the middle of a harvest sends what it has taken, and what it was about to send again.

use mixer_testkit::{FakeNewRelic, Scripted};
use serde_json::json;

use crate::program::{PATIENCE, Program, request};
use crate::support::{KEY, key_file, params};

/// The sum of all samples that were kept.
fn total(seen: &mixer_testkit::Seen) -> f64 {
    seen.metrics.iter().map(|metric| metric["value"].as_f64().unwrap()).sum()
}

#[tokio::test]
async fn nothing_is_lost_between_two_harvests() {
    let directory = tempfile::tempdir().unwrap();
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    let params = params(&fake, &json!({"api_key_file": key_file(&directory, KEY)}));
    let program = Program::start(&[], &[]).await;
    let mut client = program.client().await;
    for _ in 0..10 {
        client.handle_metric(request(&params, 100, &[])).await.unwrap();
    }
    assert_eq!(fake.seen().requests.len(), 0, "no harvest is due for an hour");
    drop(client);
    program.stop().await;
    let seen = fake.seen();
    assert_eq!((total(&seen), seen.faults.len()), (1000.0, 0));
}

/// Calls come until the very end, a harvest is under way, and New Relic has a bad moment.
#[tokio::test]
async fn nothing_is_lost_in_the_middle_of_a_harvest() {
    let directory = tempfile::tempdir().unwrap();
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    fake.script(503, None);
    fake.script_answer(Scripted::ResetAfterBody);
    let more = json!({"api_key_file": key_file(&directory, KEY), "harvest_period": "0.1s"});
    let params = params(&fake, &more);
    let program = Program::start(&[], &[]).await;
    let mut client = program.client().await;
    let calling = tokio::spawn(async move {
        let mut taken = 0;
        // Refused from the moment on at which the process goes.
        while client.handle_metric(request(&params, 10, &[])).await.is_ok() {
            taken += 10;
        }
        taken
    });
    tokio::time::timeout(PATIENCE, fake.requests(1)).await.unwrap();
    program.stop().await;
    let taken = calling.await.unwrap();
    let seen = fake.seen();
    assert_eq!((total(&seen), seen.faults.len()), (f64::from(taken), 0), "{} requests", seen.requests.len());
    assert_eq!(seen.duplicates, 1, "what was reset after it had come came again under the same id");
}
