//! The rules in CEL of the definitions, evaluated by a CEL implementation: what they let through, and what they refuse
//! with which message.

use std::sync::Arc;

use cel::{Context, Env, Value as CelValue};
use mixer_config_kube::DEFINITIONS;
use serde_json::{Value, json};

/// The schema of a kind.
fn schema(kind: &str) -> Value {
    let (_, text) = DEFINITIONS.iter().find(|(plural, _)| *plural == format!("{kind}s")).unwrap();
    let definition: Value = serde_saphyr::from_str(text).unwrap();
    definition.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap().clone()
}

/// The messages of all rules that refuse a value, as an API server looks at them: with the part of the object that the
/// rule stands at as `self`; a part that is absent or null is not looked at.
fn refusals(schema: &Value, value: &Value) -> Vec<String> {
    if value.is_null() {
        return Vec::new();
    }
    let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    let mut found: Vec<String> = rules.filter_map(|rule| refusal(rule, value)).collect();
    for (key, inner) in value.as_object().into_iter().flatten() {
        let below = schema["properties"].get(key).or(schema.get("additionalProperties"));
        found.extend(below.into_iter().flat_map(|schema| refusals(schema, inner)));
    }
    for item in value.as_array().into_iter().flatten() {
        found.extend(refusals(&schema["items"], item));
    }
    found
}

fn refusal(rule: &Value, value: &Value) -> Option<String> {
    let text = rule["rule"].as_str().unwrap();
    let env = Arc::new(Env::stdlib());
    let program = env.compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut context = Context::with_env(env);
    context.add_variable("self", value).unwrap();
    match program.execute(&context) {
        Ok(CelValue::Bool(true)) => None,
        Ok(CelValue::Bool(false)) => Some(rule["message"].as_str().unwrap().to_owned()),
        other => panic!("{text} of {value}: {other:?}"),
    }
}

#[test]
fn what_is_meant_passes() {
    let connection = |authentication: Value| json!({"adapter": "a", "connection": {"address": "a:1", "authentication": authentication}});
    for (kind, spec) in [
        ("handler", json!({"adapter": "a", "connection": {"address": "a:1"}})),
        ("handler", json!({"compiledAdapter": "denier", "params": {"tls": {}, "mutual": {}}})),
        ("handler", json!({"compiled_adapter": "denier", "connection": null})),
        ("handler", connection(json!(null))),
        ("handler", connection(json!({"tls": {"tokenPath": "/t", "authHeader": "BEARER"}}))),
        ("handler", connection(json!({"tls": {"oauth": {"clientId": "c"}}}))),
        ("handler", connection(json!({"tls": {"token_path": "/t", "custom_header": "x"}}))),
        ("handler", connection(json!({"mutual": {"privateKey": "/k"}}))),
        ("instance", json!({"template": "metric"})),
        ("instance", json!({"compiledTemplate": "metric"})),
        ("instance", json!({"compiled_template": "metric"})),
        ("template", json!({"descriptor": "Cg=="})),
        ("rule", json!({"match": "true", "actions": [{"handler": "h", "instances": ["i"]}]})),
        ("adapter", json!({"templates": ["metric"]})),
        ("attributemanifest", json!({"attributes": {"a": {"valueType": "STRING"}}})),
    ] {
        assert_eq!(refusals(&schema(kind), &json!({"spec": spec})), Vec::<String>::new(), "{kind} {spec}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_a_message() {
    let connection =
        |authentication: Value| json!({"adapter": "a", "connection": {"authentication": authentication}});
    let excluded = "two fields exclude each other; remove one";
    for (kind, spec, message) in [
        (
            "handler",
            json!({"params": {}}),
            "names no adapter; set adapter and connection, or compiledAdapter",
        ),
        ("handler", connection(json!({"tls": {}, "mutual": {}})), excluded),
        ("handler", connection(json!({"tls": {"tokenPath": "/t", "oauth": {}}})), excluded),
        ("handler", connection(json!({"tls": {"token_path": "/t", "oauth": {}}})), excluded),
        ("handler", connection(json!({"tls": {"authHeader": "PLAIN", "customHeader": "x"}})), excluded),
        ("handler", connection(json!({"tls": {"auth_header": "PLAIN", "customHeader": "x"}})), excluded),
        ("handler", connection(json!({"tls": {"authHeader": "PLAIN", "custom_header": "x"}})), excluded),
        ("instance", json!({"params": {}}), "names no template; set template or compiledTemplate"),
        ("template", json!({}), "descriptor is missing; mixgen prints the resource"),
        ("template", json!({"descriptor": ""}), "descriptor is missing; mixgen prints the resource"),
    ] {
        assert_eq!(refusals(&schema(kind), &json!({"spec": spec})), [message], "{kind} {spec}");
    }
}

/// A rule that nothing above refuses could say anything.
#[test]
fn every_rule_is_among_those_that_refuse() {
    fn count(schema: &Value) -> usize {
        let own = schema["x-kubernetes-validations"].as_array().map_or(0, Vec::len);
        let below = schema["properties"].as_object().into_iter().flat_map(|map| map.values());
        let others = ["items", "additionalProperties"].into_iter().filter_map(|name| schema.get(name));
        own + below.chain(others).map(count).sum::<usize>()
    }
    let kinds = ["adapter", "attributemanifest", "handler", "instance", "rule", "template"];
    assert_eq!(kinds.map(|kind| count(&schema(kind))), [0, 0, 4, 1, 0, 1], "add a case for a new rule above");
}
