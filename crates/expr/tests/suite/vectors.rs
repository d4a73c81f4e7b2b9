//! The recorded cases of the original, when they are beside the project.

use std::collections::BTreeMap;
use std::path::Path;

use mixer_attribute::{Bag, Cell, Duration, Referenced, Slot, Value, VocabularyBuilder};
use mixer_expr::{Options, compile};
use serde_json::Value as Json;

use crate::support::looked_at;

fn recorded() -> Option<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/expressions.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(_) => {
            println!("skipped: ../shared is not beside the project");
            None
        }
    }
}

fn set(bag: &mut Bag, slot: Slot, given: &Json) {
    let (kind, value) = given.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "string" => bag.set_text(slot, value.as_str().unwrap()),
        "int64" => bag.set(slot, Cell::Int64(value.as_i64().unwrap())),
        "double" => bag.set(slot, Cell::Double(value.as_f64().unwrap())),
        "bool" => bag.set(slot, Cell::Bool(value.as_bool().unwrap())),
        "timestamp" => bag.set(slot, Cell::Timestamp(value.as_str().unwrap().parse().unwrap())),
        "duration_ns" => bag.set(slot, Cell::Duration(Duration::from_nanos(value.as_i64().unwrap()))),
        "bytes" => bag.set_bytes(slot, &bytes(value)),
        "string_map" => {
            let entries = value.as_object().unwrap().iter();
            bag.set_text_map(slot, entries.map(|(key, value)| (key.as_str(), value.as_str().unwrap())));
        }
        // Given as it prints; no case reads it.
        "string_map_obj" => bag.set_text_map(slot, []),
        other => panic!("unknown kind {other}"),
    }
}

fn bytes(value: &Json) -> Vec<u8> {
    value.as_array().unwrap().iter().map(|b| u8::try_from(b.as_u64().unwrap()).unwrap()).collect()
}

fn same(value: &Value<'_>, expected: &Json) -> bool {
    let (kind, expected) = expected.as_object().unwrap().iter().next().unwrap();
    match (kind.as_str(), value) {
        ("string", Value::Text(text)) => expected.as_str().unwrap().as_bytes() == &**text,
        ("int64", Value::Int64(v)) => expected.as_i64() == Some(*v),
        ("double", Value::Double(v)) => expected.as_f64() == Some(*v),
        ("bool", Value::Bool(v)) => expected.as_bool() == Some(*v),
        ("timestamp", Value::Timestamp(v)) => expected.as_str() == Some(&v.to_string()),
        ("duration_ns", Value::Duration(v)) => expected.as_i64() == Some(v.nanos()),
        ("bytes", Value::Bytes(b)) => bytes(expected) == **b,
        // Only empty maps are results.
        ("string_map_obj", Value::StringMap(map)) => map.is_empty(),
        _ => false,
    }
}

/// What is wrong with the answer to a case, if anything is.
fn answer(case: &Json, manifest: &Json, compat: bool) -> Result<(), String> {
    let mut builder = VocabularyBuilder::new();
    for (name, value_type) in manifest.as_object().unwrap() {
        builder.attribute(name, value_type.as_str().unwrap().parse().unwrap()).unwrap();
    }
    let program = match compile(case["expr"].as_str().unwrap(), &mut builder, &Options { compat }) {
        Ok(_) if case.get("compile_err").is_some() => return Err("compiles".to_owned()),
        Err(_) if case.get("compile_err").is_some() => return Ok(()),
        Err(error) => return Err(error.to_string()),
        Ok(program) => program,
    };
    if program.value_type().name() != case["type"].as_str().unwrap() {
        return Err(format!("type {}", program.value_type()));
    }
    let mut bag = Bag::new(builder.finish());
    let no_input = serde_json::Map::new();
    for (name, given) in case.get("input").and_then(Json::as_object).unwrap_or(&no_input) {
        if let Some(slot) = bag.vocabulary().slot(name) {
            set(&mut bag, slot, given);
        }
    }
    let mut refs = Referenced::new();
    match (program.eval(&bag, &mut refs), case.get("err").and_then(Json::as_str)) {
        (Err(error), Some(expected)) if error.to_string().starts_with(expected) => {}
        (Ok(value), None) if same(&value, &case["result"]) => {}
        (outcome, _) => return Err(format!("{outcome:?}")),
    }
    if let Some(expected) = case.get("referenced").and_then(Json::as_array) {
        let mut actual = looked_at(&refs, &bag);
        actual.sort();
        let expected: Vec<&str> = expected.iter().map(|name| name.as_str().unwrap()).collect();
        if actual != expected {
            return Err(format!("looked at {actual:?}"));
        }
    }
    Ok(())
}

/// No recorded case shows one of the defects that are repaired by default, so both modes pass them all.
#[test]
fn recorded_cases_pass_in_both_modes() {
    let Some(recorded) = recorded() else { return };
    let mut wrong = BTreeMap::new();
    let cases = recorded["cases"].as_array().unwrap();
    assert!(cases.len() > 200);
    for case in cases {
        let manifest = match case.get("manifest") {
            None => &recorded["manifests"]["default"],
            Some(Json::String(name)) => &recorded["manifests"][name],
            Some(manifest) => manifest,
        };
        for compat in [false, true] {
            if let Err(what) = answer(case, manifest, compat) {
                wrong.insert(format!("{} (compat: {compat})", case["expr"]), what);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
