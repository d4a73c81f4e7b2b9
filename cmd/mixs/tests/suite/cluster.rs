//! The program on a cluster: configuration comes from its objects, their status goes back, and an outage changes nothing
//! but what is said.

use std::time::Duration;

use mixer_kube_sim::Sim;
use serde_json::{Value, json};

use crate::program::{Program, output, text};

const ROOT: &str = "/apis/config.istio.io/v1alpha2/namespaces/istio-system";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// What `mixs crd` prints, as a cluster takes it.
fn definitions() -> Vec<Value> {
    let output = output(&["crd"]);
    assert!(output.status.success());
    let text = text(&output.stdout);
    let names = text.lines().filter_map(|line| line.strip_prefix("  name: "));
    let names: Vec<String> = names.map(str::to_owned).collect();
    let plural = |name: &str| name.strip_suffix(".config.istio.io").map(str::to_owned);
    names
        .iter()
        .map(|name| {
            let plural = plural(name).unwrap();
            json!({
                "metadata": {"name": name},
                "spec": {
                    "group": "config.istio.io", "names": {"kind": plural.strip_suffix('s'), "plural": plural},
                    "versions": [{"name": "v1alpha2", "subresources": {"status": {}}}],
                },
            })
        })
        .collect()
}

fn put(sim: &Sim, kind: &str, name: &str, spec: &Value) {
    let object = json!({
        "apiVersion": "config.istio.io/v1alpha2", "kind": kind, "spec": spec,
        "metadata": {"name": name, "namespace": "istio-system", "uid": name, "generation": 1},
    });
    sim.put(&format!("{ROOT}/{kind}s/{name}"), object);
}

async fn until_reason(sim: &Sim, path: &str, reason: &str) {
    let is_there = || {
        let object = sim.object(&format!("{ROOT}/{path}")).unwrap_or_default();
        object.pointer("/status/conditions/2/reason").and_then(Value::as_str) == Some(reason)
    };
    let waiting = async {
        while !is_there() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), waiting).await.is_ok();
    assert!(in_time, "no {reason} in {:?}", sim.object(&format!("{ROOT}/{path}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_become_configuration_and_learn_of_it() {
    let sim = Sim::start().await.unwrap();
    for definition in definitions() {
        let name = definition["metadata"]["name"].as_str().unwrap().to_owned();
        sim.put(&format!("{DEFINITIONS}/{name}"), definition);
    }
    put(&sim, "handler", "deny", &json!({"compiledAdapter": "denier"}));
    put(&sim, "instance", "nothing", &json!({"compiledTemplate": "checknothing"}));
    put(&sim, "rule", "r", &json!({"actions": [{"handler": "deny", "instances": ["nothing"]}]}));
    put(&sim, "rule", "bad", &json!({"match": "1 +"}));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, sim.kubeconfig()).unwrap();
    let url = format!("--configStoreURL=k8s://{}", file.display());
    let mut program = Program::start(&[&url]).ready();
    program.wait_for("configuration in force");
    program.wait_for("rule/istio-system/bad: error: rule istio-system/bad: spec.match: ");
    until_reason(&sim, "rules/r", "InForce").await;
    until_reason(&sim, "handlers/deny", "InForce").await;
    until_reason(&sim, "rules/bad", "Invalid").await;
    assert!(program.get("/metrics").1.contains("mixer_kube_status_leader 1"));
    // It is told of a change.
    put(&sim, "rule", "later", &json!({"actions": [{"handler": "gone", "instances": ["nothing"]}]}));
    until_reason(&sim, "rules/later", "HandlerInvalid").await;
    // The API server goes away: ready all the same, and it is said.
    sim.away(true);
    let page =
        program.until("/readyz", |status, text| status == 200 && text.contains("the last good one serves"));
    assert!(page.starts_with("ready\n"), "{page}");
    assert!(program.get("/metrics").1.contains("mixer_config_source_available 0"));
    sim.away(false);
    program.until("/readyz", |status, text| status == 200 && text == "ready\n");
    program.until("/metrics", |_, text| text.contains("mixer_config_source_available 1"));
}
