//! `--selfTest`: something marked of each signal, and what the collector says.

use mixer_testkit::OtlpReply;
use serde_json::json;

use crate::flat;
use crate::protocols::PROTOCOLS;
use crate::support::Rig;

#[tokio::test]
async fn something_of_each_signal_is_sent() {
    for (protocol, _) in PROTOCOLS {
        let rig = Rig::new(json!({"exporter": {"protocol": protocol}})).await;
        rig.handler.self_test().await.unwrap();
        let seen = rig.close().await;
        let marked = json!({"service.name": "mixer.self_test"});
        for all in [flat::metrics(&seen), flat::logs(&seen), flat::spans(&seen)] {
            assert_eq!((all.len(), &all[0]["resource"]), (1, &marked));
        }
    }
}

#[tokio::test]
async fn what_the_collector_says_is_told() {
    let refused = |status| OtlpReply::Http { status, retry_after: None };
    let grpc = |code: i32| OtlpReply::Grpc { code, message: "no".to_owned(), retry_info: None };
    for (protocol, reply, wanted) in [
        ("HTTP_PROTOBUF", refused(401), "metrics: the backend answered 401"),
        ("HTTP_JSON", refused(503), "metrics: the backend answered 503"),
        ("GRPC", grpc(16), "metrics: the backend answered Unauthenticated"),
        ("GRPC", OtlpReply::Partial { rejected: 1, message: "not you".to_owned() }, "not you"),
    ] {
        let rig = Rig::new(json!({"exporter": {"protocol": protocol}})).await;
        rig.fake.script(reply);
        let error = rig.handler.self_test().await.unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
        rig.close().await;
    }
    let rig = Rig::new(json!({"exporter": {"endpoint": "http://127.0.0.1:1"}})).await;
    let error = rig.handler.self_test().await.unwrap_err().to_string();
    assert!(error.contains("no answer") && error.contains("traces"), "{error}");
}

#[tokio::test]
async fn a_collector_need_not_take_every_signal() {
    for (protocol, reply) in [
        ("HTTP_PROTOBUF", OtlpReply::Http { status: 404, retry_after: None }),
        ("GRPC", OtlpReply::Grpc { code: 12, message: "no such service".to_owned(), retry_info: None }),
    ] {
        let rig = Rig::new(json!({"exporter": {"protocol": protocol}})).await;
        rig.fake.script(reply.clone());
        rig.handler.self_test().await.unwrap();
        rig.fake.always(Some(reply));
        rig.handler.self_test().await.unwrap_err();
        rig.close().await;
    }
}
