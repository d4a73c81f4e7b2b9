//! The whole story on one cluster: definitions, objects that come, change, break and go, their status, the webhook.
//! Played first; and on a real cluster when `cargo xtask test --cluster` asks for it.

use std::time::Duration;

use mixer_config::CompileOptions;
use mixer_config_kube::{Reviewer, Webhook, WebhookOptions, connect};
use serde_json::{Value, json};

use crate::world::{Replica, World, adapters, eventually, status_options};

const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

#[tokio::test]
async fn the_whole_story_played() {
    let world = World::sim().await;
    story(&world).await;
    webhook(&world, "127.0.0.1").await;
}

#[tokio::test]
async fn the_whole_story_on_a_real_cluster() {
    if std::env::var_os("MIXER_CLUSTER").is_none() {
        eprintln!(
            "SKIPPED: no real cluster was asked for; set KUBECONFIG and run cargo xtask test --cluster"
        );
        return;
    }
    let kubeconfig = std::env::var_os("KUBECONFIG").expect("KUBECONFIG names the cluster");
    let client = connect(Some(kubeconfig.as_ref())).await.unwrap().client;
    let namespace = format!("mixer-test-{}", std::process::id());
    let world = World { sim: None, client, namespace: namespace.clone() };
    world.define().await;
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    world.call("POST", "/api/v1/namespaces", &object).await.unwrap();
    story(&world).await;
    match std::env::var("MIXER_CLUSTER_ADDRESS") {
        Ok(address) => webhook(&world, &address).await,
        Err(_) => eprintln!(
            "SKIPPED: the webhook on a real cluster; set MIXER_CLUSTER_ADDRESS to the address at which the API server \
             reaches this machine"
        ),
    }
    world.call("DELETE", &format!("/api/v1/namespaces/{namespace}"), &Value::Null).await.unwrap();
}

fn replica(world: &World) -> Replica {
    let mut source = world.source();
    source.namespaces = vec![world.namespace.clone()];
    Replica::start(source, status_options(world, "one"))
}

fn actions() -> Value {
    json!([{"handler": "deny", "instances": ["nothing"]}])
}

async fn story(world: &World) {
    let _replica = replica(world);
    // The rule comes first: what it needs is missing.
    world.create("rule", "r", json!({"match": "true", "actions": actions()})).await.unwrap();
    world.until_condition(("rule", "r"), "Programmed", "False ReferenceNotResolved").await;
    world.create("instance", "nothing", json!({"compiledTemplate": "checknothing"})).await.unwrap();
    world.create("handler", "deny", json!({"compiledAdapter": "denier"})).await.unwrap();
    world.until_condition(("rule", "r"), "Programmed", "True InForce").await;
    world.until_condition(("handler", "deny"), "Programmed", "True InForce").await;
    world.until_condition(("instance", "nothing"), "Resolved", "True ReferencesResolved").await;
    // It is broken, and says where.
    world.edit("rule", "r", json!({"match": "request.hots == \"a\"", "actions": actions()})).await.unwrap();
    let rule = world.until_condition(("rule", "r"), "Accepted", "False Invalid").await;
    let message = rule.pointer("/status/conditions/2/message").and_then(Value::as_str).unwrap();
    assert!(message.contains("spec.match") && message.contains("request.hots"), "{message}");
    world.until_condition(("handler", "deny"), "Programmed", "False NotUsed").await;
    // It is mended; then its handler goes.
    world.edit("rule", "r", json!({"match": "request.host == \"a\"", "actions": actions()})).await.unwrap();
    world.until_condition(("rule", "r"), "Programmed", "True InForce").await;
    world.delete("handler", "deny").await;
    world.until_condition(("rule", "r"), "Resolved", "False ReferenceNotResolved").await;
    world.delete("rule", "r").await;
    world.until_condition(("instance", "nothing"), "Programmed", "False NotUsed").await;
    world.delete("instance", "nothing").await;
}

async fn webhook(world: &World, address: &str) {
    let replica = replica(world);
    let mut state = replica.state.clone();
    state.wait_for(|update| update.content.is_some()).await.unwrap();
    let name = format!("{}-mixs", world.namespace);
    let any = if world.sim.is_some() { [127, 0, 0, 1] } else { [0, 0, 0, 0] };
    let options = WebhookOptions {
        address: (any, 0).into(),
        names: vec![address.to_owned()],
        namespace: world.namespace.clone(),
        configuration: name.clone(),
        look: Duration::from_millis(200),
        ..WebhookOptions::default()
    };
    let reviewer =
        Reviewer { registry: adapters(), compile: CompileOptions::default(), state: replica.state.clone() };
    let webhook =
        Webhook::start(world.client.clone(), options, reviewer, replica.metrics.clone()).await.unwrap();
    let url = format!("https://{address}:{}/validate", webhook.address().port());
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{
            "name": "config.mixs.istio.io", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            // Closed, so that a webhook that cannot be called is noticed here.
            "failurePolicy": "Fail", "timeoutSeconds": 10, "clientConfig": {"url": url},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}},
            "rules": [{
                "apiGroups": ["config.istio.io"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE", "DELETE"],
                "resources": ["*"],
            }],
        }],
    });
    world.call("POST", WEBHOOKS, &configuration).await.unwrap();
    let path = format!("{WEBHOOKS}/{name}");
    let has_bundle = |object: &Value| object.pointer("/webhooks/0/clientConfig/caBundle").is_some();
    eventually("the caBundle", || async {
        has_bundle(&world.call("GET", &path, &Value::Null).await.unwrap())
    })
    .await;
    // API servers need a moment to see a changed configuration.
    let refused = || async {
        let result = world.create("rule", "bad", json!({"match": "1 +", "actions": actions()})).await;
        let is_refused = result.as_ref().err().is_some_and(|error| error.contains("spec.match"));
        if result.is_ok() {
            world.delete("rule", "bad").await;
        }
        is_refused
    };
    eventually("a refusal that names the field", refused).await;
    // What a rule needs may come later.
    world.create("rule", "good", json!({"match": "true", "actions": actions()})).await.unwrap();
    let error = world.edit("rule", "good", json!({"match": "request.hots == 1", "actions": actions()})).await;
    assert!(error.unwrap_err().contains("spec.match"));
    world.delete("rule", "good").await;
    world.call("DELETE", &path, &Value::Null).await.unwrap();
}
