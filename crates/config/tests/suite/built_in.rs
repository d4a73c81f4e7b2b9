//! The built-in configuration has no problem, whatever the default namespace is called.

use mixer_config::snapshot::HandlerKind;
use mixer_config::{Builtin, CompileOptions, compile};

use crate::dump::dump;
use crate::registry::registry;

#[test]
fn everything() {
    let options = CompileOptions { builtin: Builtin::Full, ..CompileOptions::default() };
    insta::with_settings!({ snapshot_path => "../compile", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("built-in", dump(&compile(&[], &registry(), &options)));
    });
}

#[test]
fn nothing_but_attributes() {
    let compiled = compile(&[], &registry(), &CompileOptions::default());
    assert_eq!(compiled.problems, []);
    assert!(compiled.snapshot.rules.is_empty());
    assert_eq!(compiled.snapshot.vocabulary.attributes().len(), 90);
}

#[test]
fn another_default_namespace() {
    let options = CompileOptions {
        builtin: Builtin::Full,
        default_namespace: "mesh".into(),
        ..CompileOptions::default()
    };
    let compiled = compile(&[], &registry(), &options);
    assert_eq!(compiled.problems, []);
    assert!(compiled.snapshot.rules.iter().all(|rule| &*rule.namespace == "mesh"));
    let names: Vec<&str> = compiled.snapshot.handlers.iter().map(|handler| &*handler.spec.name).collect();
    assert_eq!(names, ["prometheus.mesh", "stdio.mesh"]);
    let prometheus = &compiled.snapshot.handlers[0];
    assert_eq!(prometheus.kind, HandlerKind::Hosted { adapter: "prometheus" });
    // The metrics of the handler name the instances of the same namespace.
    let params = String::from_utf8_lossy(&prometheus.spec.params).into_owned();
    assert!(params.contains("requestcount.instance.mesh"), "{params}");
    assert!(!params.contains("istio-system"), "{params}");
}
