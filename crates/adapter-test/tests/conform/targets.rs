//! What is known of an adapter: its resources, or only its address.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mixer_adapter_test::conform::{Observe, Options, Target, run};

use crate::toy::{Fault, Toy};

/// The toy as an operator would declare it, with a template of another name that its own resource brings.
fn resources(session_based: bool) -> String {
    let descriptor = STANDARD.encode(mixer_proto::template::descriptor_set("metric").unwrap());
    let config = STANDARD.encode(mixer_list_adapter::adapter().info().config_descriptor);
    format!(
        "apiVersion: config.istio.io/v1alpha2
kind: template
metadata: {{name: measure, namespace: istio-system}}
spec: {{descriptor: {descriptor}}}
---
apiVersion: config.istio.io/v1alpha2
kind: adapter
metadata: {{name: toy, namespace: istio-system}}
spec: {{templates: [measure, listentry.template.istio-system], session_based: {session_based}, config: {config}}}
---
apiVersion: config.istio.io/v1alpha2
kind: handler
metadata: {{name: toy, namespace: istio-system}}
spec: {{adapter: toy, connection: {{address: 'toy:80'}}, params: {{overrides: [a]}}}}
"
    )
}

#[tokio::test]
async fn a_session_based_adapter_is_called_in_a_session() {
    let toy = Toy::start(Fault::SessionsOnly).await;
    let target = Target::new(toy.address.to_string()).resources("toy.yaml", &resources(true)).unwrap();
    let report = run(target, &Observe::DryRun(toy.dry_run.clone()), Options::default()).await;
    assert_eq!(report.failures(), [""; 0], "{report}");
    assert!(report.to_string().contains("skip  config.garbage[metric]"), "{report}");

    let target = Target::new(toy.address.to_string()).resources("toy.yaml", &resources(false)).unwrap();
    let report = run(target, &Observe::Nothing, Options::default()).await;
    assert_eq!(report.failures(), [""; 0], "it takes calls with configuration too\n{report}");
}

#[tokio::test]
async fn an_adapter_of_which_nothing_is_known() {
    let toy = Toy::start(Fault::Nothing).await;
    let report = run(Target::new(toy.address.to_string()), &Observe::Nothing, Options::default()).await;
    assert_eq!(report.failures(), [""; 0], "{report}");
    let called: Vec<_> = report
        .cases
        .iter()
        .filter(|case| case.id == "call.plain")
        .filter_map(|case| case.template.as_deref())
        .collect();
    assert_eq!(called, ["listentry", "metric", "quota"], "found by trying");
}

#[tokio::test]
async fn nobody_is_there() {
    let options =
        Options { restart: Duration::ZERO, patience: Duration::from_millis(500), ..Options::default() };
    let [port] = mixer_harness::free_ports().unwrap();
    let report = run(Target::new(format!("127.0.0.1:{port}")), &Observe::Nothing, options).await;
    assert_eq!(report.failures(), ["reachable"], "{report}");
    assert!(!report.is_good() && report.passed == 0);
}

#[test]
fn what_cannot_be_used() {
    let problem = |yaml: &str| Target::new("x").resources("a.yaml", yaml).unwrap_err().to_string();
    let adapter = |spec: &str| {
        format!("apiVersion: config.istio.io/v1alpha2\nkind: adapter\nmetadata: {{name: a}}\nspec: {spec}\n")
    };
    let cases = [
        ("a: [".to_owned(), "not valid YAML"),
        (adapter("{templates: [mine]}"), "template mine is not one of the shipped ones"),
        (adapter("{}"), "spec.templates is missing"),
        (adapter("{templates: [metric], config: '*'}"), "spec.config is no base64 text"),
    ];
    for (yaml, expected) in cases {
        let problem = problem(&yaml);
        assert!(problem.contains(expected), "{problem}");
    }
}
