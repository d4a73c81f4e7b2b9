//! What the webhook answers to each sort of object.

use mixer_config::{CompileOptions, ReadOptions, parse_documents};
use tokio::sync::watch;

use super::*;
use crate::source::Update;

const CONFIGURATION: &str = "
apiVersion: config.istio.io/v1alpha2
kind: handler
metadata: {name: deny, namespace: n}
spec: {compiledAdapter: denier}
---
apiVersion: config.istio.io/v1alpha2
kind: instance
metadata: {name: nothing, namespace: n}
spec: {compiledTemplate: checknothing}
---
apiVersion: config.istio.io/v1alpha2
kind: rule
metadata: {name: r, namespace: n}
spec: {actions: [{handler: deny, instances: [nothing]}]}
";

fn reviews(content: bool) -> Arc<Reviews> {
    let prometheus_address = ([127, 0, 0, 1], 0).into();
    let registry = mixer_adapters::registry(mixer_adapters::Options { prometheus_address });
    let (resources, _) = parse_documents("test", CONFIGURATION, &ReadOptions::default());
    let content = content.then(|| Arc::new(Content { resources, ..Content::default() }));
    let (sender, state) = watch::channel(Update { content, unavailable: None });
    drop(sender);
    let reviewer = Reviewer { registry, compile: CompileOptions::default(), state };
    Arc::new(Reviews::new(reviewer, KubeMetrics::new().unwrap()))
}

fn rule(name: &str, spec: Value) -> Value {
    json!({"kind": "rule", "apiVersion": "config.istio.io/v1alpha2", "metadata": {"name": name, "namespace": "n"}, "spec": spec})
}

async fn ask(kind: &str, operation: &str, new: Value, old: Value) -> Value {
    let request = json!({
        "uid": "u", "operation": operation, "namespace": "n", "object": new, "oldObject": old,
        "kind": {"group": "config.istio.io", "version": "v1alpha2", "kind": kind},
    });
    let review = reviews(true).answer(json!({"request": request})).await.unwrap();
    assert_eq!(review["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(review["response"]["uid"], "u");
    review["response"].clone()
}

#[track_caller]
fn check(response: &Value, allowed: bool, words: &[&str]) {
    assert_eq!(response["allowed"], allowed, "{response:#}");
    let text = response.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{response:#}");
    if words.is_empty() {
        assert_eq!(response["warnings"], json!([]), "{response:#}");
    }
}

#[tokio::test]
async fn a_sound_object_is_let_in_without_a_word() {
    let spec =
        json!({"match": "request.host == \"a\"", "actions": [{"handler": "deny", "instances": ["nothing"]}]});
    check(&ask("rule", "CREATE", rule("x", spec), Value::Null).await, true, &[]);
}

#[tokio::test]
async fn an_object_that_is_wrong_is_refused_by_field() {
    let spec =
        json!({"match": "request.hots == 1", "actions": [{"handler": "deny", "instances": ["nothing"]}]});
    let response = ask("rule", "CREATE", rule("x", spec), Value::Null).await;
    check(&response, false, &["unknown attribute"]);
    assert_eq!(response["status"]["details"]["causes"][0]["field"], "spec.match");
    assert_eq!(response["status"]["code"], 422);
    check(&ask("rule", "CREATE", rule("x", json!("text")), Value::Null).await, false, &["spec"]);
}

#[tokio::test]
async fn what_is_referred_to_may_come_later() {
    let spec = json!({"actions": [{"handler": "later", "instances": ["nothing"]}]});
    let response = ask("rule", "CREATE", rule("x", spec), Value::Null).await;
    check(&response, true, &["spec.actions[0].handler: Handler not found"]);
}

#[tokio::test]
async fn what_it_breaks_elsewhere_is_a_warning() {
    let deny = |spec: Value| json!({"kind": "instance", "metadata": {"name": "nothing", "namespace": "n"}, "spec": spec});
    let good = deny(json!({"compiledTemplate": "checknothing"}));
    let other = deny(json!({"compiledTemplate": "reportnothing"}));
    let response = ask("instance", "UPDATE", other, good.clone()).await;
    check(&response, true, &["after this change: rule n/r: spec.actions[0].instances[0]"]);
    let response = ask("instance", "DELETE", Value::Null, good).await;
    check(&response, true, &["after this change: rule n/r"]);
}

#[tokio::test]
async fn labels_of_a_wrong_object_can_be_changed() {
    let old = rule("x", json!({"match": "nonsense ("}));
    let mut new = old.clone();
    new["metadata"]["labels"] = json!({"a": "b"});
    check(&ask("rule", "UPDATE", new, old.clone()).await, true, &["spec.match"]);
    check(
        &ask("rule", "UPDATE", rule("x", json!({"match": "nonsense )"})), old).await,
        false,
        &["spec.match"],
    );
}

#[tokio::test]
async fn kinds_of_others_are_let_in() {
    check(&ask("QuotaSpec", "CREATE", json!({"metadata": {"name": "q"}}), Value::Null).await, true, &[]);
}

#[tokio::test]
async fn without_a_configuration_nothing_is_refused() {
    let request =
        json!({"request": {"uid": "u", "kind": {"kind": "rule"}, "operation": "CREATE", "object": {}}});
    let review = reviews(false).answer(request).await.unwrap();
    check(&review["response"], true, &["not checked"]);
    assert!(reviews(true).answer(json!({})).await.is_err());
}
