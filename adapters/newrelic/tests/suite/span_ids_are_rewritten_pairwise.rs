//! Proxies on both sides of a call tell one span id. Where that is not wanted the caller's span gets another one, and the
//! callee's becomes its child, wherever and in whatever order the two arrive.

use mixer_proto::template::tracespan::InstanceMsg;
use serde_json::{Value as Json, json};

use crate::support::{Rig, a_span};

/// The two spans of a call, as the proxies tell them.
fn call(id: &str, rewrite: bool) -> [InstanceMsg; 2] {
    [true, false].map(|client_span| InstanceMsg {
        client_span,
        rewrite_client_span_id: rewrite,
        parent_span_id: "70f1".into(),
        ..a_span(id)
    })
}

/// Id and parent of each span that arrives, each side through an adapter of its own.
async fn sent(params: Json, spans: [InstanceMsg; 2]) -> [(String, String); 2] {
    let mut found = Vec::new();
    for span in spans {
        let rig = Rig::new(params.clone()).await;
        rig.span(span).await;
        let span = rig.close().await.spans[0].clone();
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        found.push((text(&span["id"]), text(&span["attributes"]["parent.id"])));
    }
    found.try_into().unwrap()
}

async fn check(params: Json, spans: [InstanceMsg; 2], client: (&str, &str), server: (&str, &str)) {
    let shown = format!("{params}");
    let [first, second] = sent(params, spans).await;
    assert_eq!((first.0.as_str(), first.1.as_str()), client, "{shown}");
    assert_eq!((second.0.as_str(), second.1.as_str()), server, "{shown}");
}

fn when(rewrite: &str) -> Json {
    json!({"spans": {"rewrite_client_span_ids": rewrite}})
}

#[tokio::test]
async fn as_the_instance_says() {
    let (own, next, parent) = ("a2fb4a1d1a96d31f", "b30c5b2e2ba7e420", "70f1");
    for params in [json!({}), when("AS_THE_INSTANCE_SAYS")] {
        check(params.clone(), call(own, true), (next, parent), (own, next)).await;
        check(params, call(own, false), (own, parent), (own, parent)).await;
    }
}

#[tokio::test]
async fn always_and_never() {
    let (own, next, parent) = ("0123456789abcdef", "123456789abcdef0", "70f1");
    for asked in [true, false] {
        check(when("ALWAYS"), call(own, asked), (next, parent), (own, next)).await;
        check(when("NEVER"), call(own, asked), (own, parent), (own, parent)).await;
    }
}

#[tokio::test]
async fn digits_may_be_large_and_other_characters_stay() {
    check(when("ALWAYS"), call("ABCDEF09", false), ("bcdef01a", "70f1"), ("ABCDEF09", "bcdef01a")).await;
    check(when("ALWAYS"), call("x-1z", false), ("x-2z", "70f1"), ("x-1z", "x-2z")).await;
}

/// In one account the two no longer collide; the fake refuses a span that comes twice.
#[tokio::test]
async fn both_spans_of_a_call_are_kept() {
    let rig = Rig::new(when("ALWAYS")).await;
    for span in call("a2fb4a1d1a96d31f", false) {
        rig.span(span).await;
    }
    assert_eq!(rig.close().await.spans.len(), 2);
}
