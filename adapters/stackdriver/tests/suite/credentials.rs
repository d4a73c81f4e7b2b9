//! Tokens end, keys are replaced, rights are missing: what arrives then, and what is said.

use mixer_adapter_sdk::value::Value;
use serde_json::json;

use crate::support::{Rig, build, params, text};

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_is_replaced() {
    let rig = Rig::new(json!({"harvest_period": "0.1s", "log_info": {"access.instance.ns": {}}})).await;
    rig.log("access", "info", &[("text", text("before"))]).await;
    rig.wait(|seen| seen.entries.len() == 1).await;
    rig.fake.expire_tokens();
    rig.log("access", "info", &[("text", text("after"))]).await;
    rig.wait(|seen| seen.entries.len() == 2).await;
    // The key is revoked, and another one stands in the file.
    rig.fake.revoke("key-1");
    std::fs::write(&rig.key, rig.fake.service_account("key-2")).unwrap();
    rig.log("access", "info", &[("text", text("rotated"))]).await;
    let seen = rig.wait(|seen| seen.entries.len() == 3).await;
    let refused = seen.answers.iter().filter(|(_, status)| *status == 401).count();
    assert_eq!((seen.answers_of("/token"), refused, seen.duplicate_entries), (3, 2, 0), "{:?}", seen.answers);
    rig.close().await;
}

#[tokio::test]
async fn a_key_that_is_revoked_for_a_while_loses_nothing() {
    let rig = Rig::new(json!({"harvest_period": "0.1s", "log_info": {"access.instance.ns": {}}})).await;
    rig.fake.revoke("key-1");
    rig.log("access", "info", &[("text", text("x"))]).await;
    rig.wait(|seen| seen.answers.contains(&("/token".to_owned(), 400))).await;
    assert_eq!(rig.fake.seen().entries.len(), 0);
    std::fs::write(&rig.key, rig.fake.service_account("key-2")).unwrap();
    rig.wait(|seen| seen.entries.len() == 1).await;
    rig.close().await;
}

#[tokio::test]
async fn a_signed_token_needs_no_token_endpoint() {
    let rig = Rig::new(json!({"self_signed_jwt": true, "log_info": {"access.instance.ns": {}}})).await;
    rig.metric("count", Value::Int64(1), &[]).await;
    rig.log("access", "info", &[("text", text("x"))]).await;
    let seen = rig.close().await;
    assert_eq!((seen.series.len(), seen.entries.len(), seen.answers_of("/token")), (1, 1, 0));
}

#[tokio::test]
async fn the_project_that_pays_is_named() {
    let check = async |more: serde_json::Value, user: bool, wanted: &str| {
        let rig = Rig::new(json!({})).await;
        if user {
            std::fs::write(&rig.key, rig.fake.authorized_user()).unwrap();
        }
        let rig = rig.beside(&more, "pod-1").await;
        rig.metric("count", Value::Int64(1), &[]).await;
        assert_eq!(rig.close().await.quota_projects, [wanted; 2]);
    };
    check(json!({}), false, "").await;
    check(json!({"quota_project_id": "own"}), false, "own").await;
    check(json!({}), true, "paying").await;
    check(json!({"quota_project_id": "own"}), true, "own").await;
}

#[tokio::test]
async fn a_self_test_says_what_the_api_answered() {
    use mixer_testkit::GoogleReply::{Status, Well};
    let check = async |replies: &[mixer_testkit::GoogleReply], revoked: bool, wanted: Result<(), &str>| {
        let rig = Rig::new(json!({})).await;
        rig.fake.script(replies.iter().cloned());
        if revoked {
            rig.fake.revoke("key-1");
        }
        let result = rig.handler.self_test().await;
        let seen = rig.fake.seen();
        match wanted {
            Ok(()) => {
                result.unwrap();
                let series = &seen.series[0];
                assert_eq!(series["metric"]["type"], "custom.googleapis.com/mixer/self_test");
                assert_eq!(series["metric"]["labels"], json!({"mixer_replica": "pod-1"}));
            }
            Err(part) => {
                let error = result.unwrap_err().to_string();
                assert!(error.contains(part), "{error}");
                assert!(!error.contains("PRIVATE") && !error.contains("Bearer"), "{error}");
            }
        }
    };
    check(&[], false, Ok(())).await;
    check(&[Well, Status(403, None)], false, Err("roles/monitoring.metricWriter")).await;
    check(&[Well, Status(503, None)], false, Err("UNAVAILABLE")).await;
    check(&[], true, Err("invalid_grant")).await;
}

#[tokio::test]
async fn a_handler_without_a_project_or_with_a_bad_file_is_not_built() {
    let rig = Rig::new(json!({})).await;
    std::fs::write(&rig.key, "{}").unwrap();
    let params = params(&rig.fake, &rig.key, &json!({}));
    let error = build(&rig.fake, &params, "pod-1").await.err().unwrap().to_string();
    assert!(error.contains("key.json") && error.contains("no file of credentials"), "{error}");
}
