//! The definitions: names that old clusters have, schemas that an API server takes, and that take what is written.

use std::path::Path;

use mixer_config_kube::DEFINITIONS;
use serde_json::Value;

fn definitions() -> Vec<(&'static str, Value)> {
    DEFINITIONS.iter().map(|(plural, text)| (*plural, serde_saphyr::from_str(text).unwrap())).collect()
}

fn schema(definition: &Value) -> &Value {
    definition.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap()
}

#[test]
fn names_are_the_original_s() {
    for (plural, definition) in definitions() {
        let singular = plural.strip_suffix('s').unwrap();
        assert_eq!(definition["metadata"]["name"], format!("{plural}.config.istio.io"));
        assert_eq!(definition["metadata"]["labels"]["app"], "mixer");
        let names = &definition["spec"]["names"];
        assert_eq!(
            (&names["kind"], &names["singular"], &names["plural"]),
            (&singular.into(), &singular.into(), &plural.into())
        );
        assert_eq!(names["categories"], serde_json::json!(["istio-io", "policy-istio-io"]));
        assert_eq!(definition.pointer("/spec/versions/0/name").unwrap(), "v1alpha2");
        assert!(definition.pointer("/spec/versions/0/subresources/status").is_some());
    }
}

/// What an API server asks of a structural schema, as far as it can go wrong here.
fn check_structural(place: &str, schema: &Value) {
    let map = schema.as_object().unwrap_or_else(|| panic!("{place} is no schema"));
    let int_or_string = map.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true));
    assert!(map.contains_key("type") != int_or_string, "{place}: type, or int-or-string");
    let known = [
        "type",
        "format",
        "description",
        "enum",
        "nullable",
        "properties",
        "items",
        "additionalProperties",
        "required",
        "x-kubernetes-int-or-string",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
    ];
    for key in map.keys() {
        assert!(known.contains(&key.as_str()), "{place}: {key}");
    }
    assert!(!(map.contains_key("properties") && map.contains_key("additionalProperties")), "{place}");
    let is = |name: &str| map.get("type").and_then(Value::as_str) == Some(name);
    assert_eq!(is("array"), map.contains_key("items"), "{place}");
    for (name, inner) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
        assert!(is("object"), "{place}");
        check_structural(&format!("{place}.{name}"), inner);
    }
    for (name, inner) in
        map.iter().filter(|(name, _)| matches!(name.as_str(), "items" | "additionalProperties"))
    {
        check_structural(&format!("{place}.{name}"), inner);
    }
    // A rule may ask for declared fields alone, and one that can be null is no field to ask `has` of.
    for rule in map.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten() {
        let text = rule["rule"].as_str().unwrap();
        for name in text
            .split("self.")
            .skip(1)
            .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
        {
            let field =
                map["properties"].get(name).unwrap_or_else(|| panic!("{place}: no field {name} for {text}"));
            assert_eq!(field.get("nullable"), None, "{place}.{name}");
        }
        assert!(!rule["message"].as_str().unwrap().is_empty());
    }
}

#[test]
fn schemas_are_structural() {
    for (plural, definition) in definitions() {
        check_structural(plural, schema(&definition));
    }
}

/// Why a value does not fit; nothing when it does. Rules in CEL play no part.
fn misfits(place: &str, schema: &Value, value: &Value) -> Vec<String> {
    if value.is_null() {
        return if schema["nullable"] == true { Vec::new() } else { vec![format!("{place}: null")] };
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array)
        && !choices.contains(value)
    {
        return vec![format!("{place}: {value} is none of {choices:?}")];
    }
    let fits = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => value.is_string() || value.is_i64() || value.is_u64(),
    };
    if !fits {
        return vec![format!("{place}: {value} is no {}", schema["type"])];
    }
    let items = value.as_array().into_iter().flatten();
    let mut found: Vec<String> = items.flat_map(|item| misfits(place, &schema["items"], item)).collect();
    for (key, inner) in value.as_object().into_iter().flatten() {
        let place = format!("{place}.{key}");
        match (schema["properties"].get(key), schema.get("additionalProperties")) {
            (Some(schema), _) | (None, Some(schema)) => found.extend(misfits(&place, schema, inner)),
            _ => {}
        }
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            found.push(format!("{place}.{name}: missing"));
        }
    }
    found
}

#[test]
fn what_is_written_fits() {
    let definitions = definitions();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files: Vec<_> = Vec::new();
    for folder in ["crates/config/builtin", "templates/*", "adapters/*"] {
        let (parent, every) = match folder.strip_suffix("/*") {
            Some(parent) => (root.join(parent), true),
            None => (root.join(folder), false),
        };
        let entries = |path: &Path| {
            std::fs::read_dir(path)
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path())
                .collect::<Vec<_>>()
        };
        let folders = if every { entries(&parent) } else { vec![parent] };
        files.extend(folders.iter().flat_map(|folder| entries(folder)));
    }
    let mut checked = 0;
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "yaml")) {
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(&std::fs::read_to_string(file).unwrap()).unwrap_or_default();
        for document in &documents {
            let kind = document["kind"].as_str().unwrap_or_default();
            let Some((_, definition)) =
                definitions.iter().find(|(_, one)| one["spec"]["names"]["kind"] == kind)
            else {
                continue;
            };
            assert_eq!(
                misfits(kind, schema(definition), document),
                Vec::<String>::new(),
                "{}",
                file.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 25, "{checked} resources were checked");
}

#[test]
fn what_is_wrong_does_not_fit() {
    let definitions = definitions();
    let definition =
        |kind: &str| &definitions.iter().find(|(plural, _)| *plural == format!("{kind}s")).unwrap().1;
    for (kind, spec, word) in [
        ("rule", serde_json::json!({"match": 5}), "rule.spec.match"),
        ("rule", serde_json::json!({"actions": {"handler": "h"}}), "rule.spec.actions"),
        ("rule", serde_json::json!({"requestHeaderOperations": [{"operation": "SET"}]}), "operation"),
        ("handler", serde_json::json!({"failurePolicy": "Maybe"}), "failurePolicy"),
        ("attributemanifest", serde_json::json!({"attributes": {"a": {"valueType": "NUMBER"}}}), "valueType"),
        ("adapter", serde_json::json!({"session_based": "yes"}), "session_based"),
    ] {
        let found = misfits(kind, schema(definition(kind)), &serde_json::json!({"spec": spec}));
        assert!(found.len() == 1 && found[0].contains(word), "{kind} {spec}: {found:?}");
    }
    let old = serde_json::json!({"spec": {"compiled_adapter": "denier", "params": null, "connection": null, "x": 1}});
    assert_eq!(misfits("handler", schema(definition("handler")), &old), Vec::<String>::new());
}
