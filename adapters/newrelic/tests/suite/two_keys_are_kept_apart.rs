//! Two handlers with keys of two accounts, through one process and in turns: each account gets its own data and nothing of
//! the other.

use mixer_adapter_sdk::value::Value;
use mixer_testkit::FakeNewRelic;
use serde_json::json;

use crate::program::{Program, request};
use crate::support::{key_file, params, text};

const KEYS: [&str; 2] = ["0123456789-first", "0123456789-second"];

#[tokio::test]
async fn each_account_gets_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let fake = FakeNewRelic::of_accounts(&KEYS).await.unwrap();
    let handlers = KEYS.map(|key| {
        params(&fake, &json!({"api_key_file": key_file(&directory, key), "harvest_period": "0.1s"}))
    });
    let program = Program::start(&[], &[]).await;
    let mut client = program.client().await;
    for round in 0..50 {
        for (at, params) in handlers.iter().enumerate() {
            let dimensions = [("account", text(KEYS[at])), ("round", Value::Int64(round))];
            client.handle_metric(request(params, at + 1, &dimensions)).await.unwrap();
        }
    }
    drop(client);
    program.stop().await;
    let seen = fake.seen();
    assert_eq!(seen.faults, [] as [String; 0]);
    for (at, key) in KEYS.iter().enumerate() {
        let own: Vec<_> = seen.requests.iter().filter(|request| request.key == *key).collect();
        let items: Vec<_> = own.iter().flat_map(|request| &request.items).collect();
        assert!(items.iter().all(|item| item["attributes"]["account"] == **key), "{items:?}");
        let total: f64 = items.iter().map(|item| item["value"].as_f64().unwrap()).sum();
        assert_eq!(total, 50.0 * (at + 1) as f64);
    }
    assert!(seen.requests.iter().all(|request| KEYS.contains(&&*request.key)));
}
