//! What objects are told in each situation that an operator meets.

use std::sync::Arc;

use mixer_config::{CompileOptions, ReadOptions, compile, parse_documents};

use super::*;
use crate::object::Version;

const HANDLER: &str = "
kind: handler
metadata: {name: deny, namespace: n}
spec: {compiledAdapter: denier}
";
const INSTANCE: &str = "
kind: instance
metadata: {name: nothing, namespace: n}
spec: {compiledTemplate: checknothing}
";
const RULE: &str = "
kind: rule
metadata: {name: r, namespace: n}
spec: {match: 'request.host == \"a\"', actions: [{handler: deny, instances: [nothing]}]}
";

fn verdicts(texts: &[&str], failures: Vec<HandlerFailure>) -> BTreeMap<ResourceId, Verdict> {
    let prometheus_address = ([127, 0, 0, 1], 0).into();
    let registry = mixer_adapters::registry(mixer_adapters::Options { prometheus_address });
    let texts: Vec<String> =
        texts.iter().map(|text| format!("apiVersion: config.istio.io/v1alpha2{text}")).collect();
    let (resources, problems) = parse_documents("test", &texts.join("---\n"), &ReadOptions::default());
    assert_eq!(problems, []);
    let compiled = compile(&resources, &registry, &CompileOptions::default());
    let versions = resources.iter().map(|resource| (resource.id.clone(), Version::default())).collect();
    let content = Content { resources, problems, versions };
    assess(
        &content,
        &InForce { snapshot: Arc::clone(&compiled.snapshot), problems: compiled.problems, failures },
    )
}

/// The reasons of the three conditions, `-` before those that do not hold, and words of the last message.
#[track_caller]
fn check(verdicts: &BTreeMap<ResourceId, Verdict>, kind: &str, expected: [&str; 3], words: &[&str]) {
    let (_, verdict) = verdicts.iter().find(|(id, _)| &*id.kind == kind).unwrap();
    let told =
        verdict.each_ref().map(|answer| format!("{}{}", if answer.holds { "" } else { "-" }, answer.reason));
    assert_eq!(told, expected, "{verdict:#?}");
    let message = &verdict[2].message;
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
    if words.is_empty() {
        assert_eq!(message, "");
    }
}

#[test]
fn everything_is_in_force() {
    let verdicts = verdicts(&[HANDLER, INSTANCE, RULE], Vec::new());
    for kind in ["handler", "instance", "rule"] {
        check(&verdicts, kind, ["Valid", "ReferencesResolved", "InForce"], &[]);
    }
}

#[test]
fn a_rule_whose_match_is_wrong() {
    let rule = RULE.replace("request.host ==", "request.hots ==");
    let verdicts = verdicts(&[HANDLER, INSTANCE, &rule], Vec::new());
    check(&verdicts, "rule", ["-Invalid", "ReferencesResolved", "-Invalid"], &["spec.match", "request.hots"]);
    check(&verdicts, "handler", ["Valid", "ReferencesResolved", "-NotUsed"], &["no rule in force"]);
    check(&verdicts, "instance", ["Valid", "ReferencesResolved", "-NotUsed"], &["no rule in force"]);
}

#[test]
fn a_rule_whose_handler_is_missing() {
    let verdicts = verdicts(&[INSTANCE, RULE], Vec::new());
    let words = ["handler deny.n", "there is no handler"];
    check(&verdicts, "rule", ["Valid", "-ReferenceNotResolved", "-HandlerInvalid"], &words);
}

#[test]
fn a_rule_whose_instance_is_missing_does_nothing() {
    let verdicts = verdicts(&[HANDLER, RULE], Vec::new());
    let expected = ["Valid", "-ReferenceNotResolved", "-ReferenceNotResolved"];
    check(&verdicts, "rule", expected, &["spec.actions[0].instances[0]", "Instance not found"]);
}

#[test]
fn a_rule_with_one_of_two_instances_is_partly_in_force() {
    let rule = RULE.replace("[nothing]", "[nothing, gone]");
    let verdicts = verdicts(&[HANDLER, INSTANCE, &rule], Vec::new());
    check(&verdicts, "rule", ["Valid", "-ReferenceNotResolved", "PartlyInForce"], &["instances[1]"]);
}

#[test]
fn a_rule_that_names_nothing_is_its_own_fault() {
    let rule = RULE.replace("{handler: deny, instances: [nothing]}", "{instances: [nothing]}");
    check(
        &verdicts(&[INSTANCE, &rule], Vec::new()),
        "rule",
        ["-Invalid", "ReferencesResolved", "-Invalid"],
        &["names no handler"],
    );
    let rule = RULE.replace("instances: [nothing]", "instances: []");
    check(
        &verdicts(&[HANDLER, &rule], Vec::new()),
        "rule",
        ["-Invalid", "ReferencesResolved", "-Invalid"],
        &["No valid instances"],
    );
}

#[test]
fn a_handler_that_is_wrong_shows_in_its_rules() {
    let handler =
        HANDLER.replace("{compiledAdapter: denier}", "{compiledAdapter: denier, params: {nonsense: 1}}");
    let verdicts = verdicts(&[&handler, INSTANCE, RULE], Vec::new());
    check(&verdicts, "handler", ["-Invalid", "ReferencesResolved", "-HandlerInvalid"], &["nonsense"]);
    check(
        &verdicts,
        "rule",
        ["Valid", "-HandlerInvalid", "-HandlerInvalid"],
        &["handler deny.n", "nonsense"],
    );
}

#[test]
fn an_adapter_that_is_not_there() {
    let handler =
        HANDLER.replace("compiledAdapter: denier", "adapter: nowhere, connection: {address: 'a:1'}");
    let verdicts = verdicts(&[&handler, INSTANCE, RULE], Vec::new());
    check(&verdicts, "handler", ["Valid", "-ReferenceNotResolved", "-HandlerInvalid"], &["nowhere"]);
    let handler = HANDLER.replace("denier", "denyer");
    check(
        &self::verdicts(&[&handler], Vec::new()),
        "handler",
        ["Valid", "-ReferenceNotResolved", "-ReferenceNotResolved"],
        &["denyer"],
    );
}

#[test]
fn a_template_that_is_not_there() {
    let instance = INSTANCE.replace("compiledTemplate: checknothing", "template: nowhere");
    let verdicts = verdicts(&[&instance], Vec::new());
    check(&verdicts, "instance", ["Valid", "-ReferenceNotResolved", "-ReferenceNotResolved"], &["nowhere"]);
}

#[test]
fn a_handler_that_cannot_be_built() {
    let failure = |earlier_serves| HandlerFailure {
        handler: "deny.n".into(),
        reason: "the port is taken".to_owned(),
        earlier_serves,
    };
    let down = verdicts(&[HANDLER, INSTANCE, RULE], vec![failure(false)]);
    for kind in ["handler", "rule"] {
        check(
            &down,
            kind,
            ["Valid", "ReferencesResolved", "-HandlerNotBuilt"],
            &["deny.n", "the port is taken"],
        );
    }
    let earlier = verdicts(&[HANDLER, INSTANCE, RULE], vec![failure(true)]);
    check(
        &earlier,
        "handler",
        ["Valid", "ReferencesResolved", "-HandlerNotBuilt"],
        &["an earlier version of it serves on"],
    );
}

#[test]
fn definitions_are_in_force_when_they_are_sound() {
    let template = "\nkind: template\nmetadata: {name: t, namespace: n}\nspec: {descriptor: 'AA=='}\n";
    check(
        &verdicts(&[template], Vec::new()),
        "template",
        ["-Invalid", "ReferencesResolved", "-Invalid"],
        &["spec.descriptor"],
    );
    let manifest = "\nkind: attributemanifest\nmetadata: {name: m, namespace: n}\nspec: {attributes: {a: {valueType: STRING}}}\n";
    check(
        &verdicts(&[manifest], Vec::new()),
        "attributemanifest",
        ["Valid", "ReferencesResolved", "InForce"],
        &[],
    );
    let adapter = "\nkind: adapter\nmetadata: {name: a, namespace: n}\nspec: {templates: [nowhere]}\n";
    let expected = ["Valid", "-ReferenceNotResolved", "-ReferenceNotResolved"];
    check(&verdicts(&[adapter], Vec::new()), "adapter", expected, &["spec.templates[0]"]);
}

#[test]
fn long_messages_are_cut() {
    let text = cut("ä".repeat(2000));
    assert!(text.len() <= MAX_MESSAGE + 4 && text.ends_with(" …"), "{} bytes", text.len());
}
