//! Objects that are no configuration: named, contained, and gone from the list of problems once they are mended.

use mixer_config::{CompileOptions, Severity, compile};
use serde_json::{Value, json};

use crate::world::{World, adapters, object, rule};

#[tokio::test]
async fn one_bad_object_takes_nothing_else_with_it() {
    let world = World::sim().await;
    world.create("rule", "good", rule("true")).await.unwrap();
    let put = |name: &str, object: Value| world.play().put(&world.path("rule", name), object);
    let mut deep = json!("x");
    for _ in 0..80 {
        deep = json!([deep]);
    }
    put("deep", object("rule", "istio-system", "deep", deep));
    put("text", object("rule", "istio-system", "text", json!("no map")));
    put(
        "list",
        json!({"kind": "rule", "metadata": {"name": "list", "namespace": "istio-system", "annotations": [1]}}),
    );
    put("nameless", json!({"kind": "rule", "metadata": {"namespace": "istio-system"}, "spec": {}}));
    put("number", json!(5));
    let mut follower = world.follow();
    let content = follower.until_names(&["rule good", "rule list", "rule text"]).await;
    let problems: Vec<String> = content.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].starts_with("rule/istio-system/deep: error: rule istio-system/deep: "),
        "{problems:?}"
    );
    assert_eq!(follower.count("mixer_kube_failures_total", &[("reason", "unnamed")]), 2.0);

    let compiled = compile(&content.resources, &adapters(), &CompileOptions::default());
    let named = |name: &str| {
        compiled.problems.iter().any(|problem| {
            problem.severity == Severity::Error
                && problem.resource.as_ref().is_some_and(|id| &*id.name == name)
                && *problem.location.file == format!("rule/istio-system/{name}")
        })
    };
    assert!(named("text"), "{:?}", compiled.problems);
    // The rule names a handler that is not there; field and place say which.
    let handler =
        compiled.problems.iter().find(|problem| problem.field == "spec.actions[0].handler").unwrap();
    assert_eq!(handler.location.to_string(), "rule/istio-system/good");

    put("deep", object("rule", "istio-system", "deep", rule("true")));
    let content = follower.until_names(&["rule deep", "rule good", "rule list", "rule text"]).await;
    assert_eq!(content.problems, []);
}
