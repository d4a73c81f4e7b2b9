//! Resources are YAML that says what it was told to say, whatever the texts hold.

use mixer_codegen::{Adapter, Metadata, adapter_resource, template_resource};
use serde_json::json;

use crate::support::yaml;

fn document(text: &str) -> serde_json::Value {
    yaml(text.strip_suffix("---\n").expect("a document ends with a separator"))
}

#[test]
fn templates() {
    let metadata = Metadata::new("metric", "istio-system").unwrap();
    let text = template_resource(&metadata, &[1, 2, 255]);
    let expected = "apiVersion: \"config.istio.io/v1alpha2\"\nkind: template\nmetadata:\n  name: metric\n  \
                    namespace: istio-system\nspec:\n  descriptor: \"AQL/\"\n---\n";
    assert_eq!(text, expected);
}

#[test]
fn adapters() {
    let metadata = Metadata::new("mine", "shop").unwrap();
    let head = |spec| {
        json!({
            "apiVersion": "config.istio.io/v1alpha2",
            "kind": "adapter",
            "metadata": {"name": "mine", "namespace": "shop"},
            "spec": spec,
        })
    };
    let text = adapter_resource(&metadata, &Adapter::default());
    let empty = json!({"description": "", "session_based": false, "templates": [], "config": ""});
    assert_eq!(document(&text), head(empty));
    for description in
        ["plain", "with: colon", "a \"quote\" # no comment", "two\nlines", "- x", "caf\u{e9}", "no"]
    {
        let adapter = Adapter {
            description: description.to_owned(),
            session_based: true,
            templates: vec![
                "metric".to_owned(),
                "quota.other-ns".to_owned(),
                "on".to_owned(),
                "1".to_owned(),
            ],
            config: vec![0xff, 0xff],
        };
        let text = adapter_resource(&metadata, &adapter);
        let spec = json!({
            "description": description,
            "session_based": true,
            "templates": ["metric", "quota.other-ns", "on", "1"],
            "config": "//8=",
        });
        assert_eq!(document(&text), head(spec), "{text}");
    }
}

#[test]
fn names_are_those_of_kubernetes() {
    for (name, namespace, good) in [
        ("a", "b", true),
        ("a-b.c9", "istio-system", true),
        ("1a", "9", true),
        ("", "b", false),
        ("A", "b", false),
        ("a_b", "b", false),
        ("a..b", "b", false),
        ("-a", "b", false),
        ("a-", "b", false),
        ("a: b", "b", false),
        ("a", "b.c", false),
        ("a", "", false),
        (&"a".repeat(64), "b", false),
    ] {
        assert_eq!(Metadata::new(name, namespace).is_ok(), good, "{name:?} {namespace:?}");
    }
    let text = Metadata::new("Metric", "b").unwrap_err().to_string();
    assert!(text.contains("name \"Metric\" is not a name that Kubernetes takes"), "{text}");
}
