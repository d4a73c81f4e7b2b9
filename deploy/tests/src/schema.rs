//! Whether objects are what Kubernetes takes: its own kinds by its schemas, Mixer's by the definitions of deploy/crds.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use mixer_harness::real_folder;
use serde_json::{Value, json};

use crate::render::{id, is_mixer, root, run};

/// Versions of Kubernetes that are supported.
pub const VERSIONS: [&str; 5] = ["1.29", "1.30", "1.31", "1.32", "1.33"];

/// Kinds without a schema of Kubernetes that may be there: those of the Prometheus operator, and Mixer's, which
/// [`misfits`] looks at.
const WITHOUT_SCHEMA: [&str; 2] = ["config.istio.io/v1alpha2", "monitoring.coreos.com/v1"];

/// What is wrong with objects by `kubernetes-validate --strict`, for every supported version. None when it is not there
/// and nobody asked for real counterparts.
///
/// # Errors
/// It is missing although it is required, or it fails.
pub fn kubernetes_validate(documents: &[Value]) -> anyhow::Result<Option<Vec<String>>> {
    let Some(folder) = real_folder("MIXER_KUBERNETES_VALIDATE")? else { return Ok(None) };
    let lines: String = documents.iter().map(|document| format!("{document}\n")).collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("validate.py");
    let output = run(
        Command::new("python3").arg(script).args(VERSIONS).env("PYTHONPATH", folder).env("PYTHONUTF8", "1"),
        &lines,
    )?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut problems = Vec::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let mut fields = line.splitn(4, '\t');
        let mut field = || fields.next().with_context(|| format!("the script says {line:?}"));
        let (word, number, version, text) = (field()?, field()?.parse::<usize>()?, field()?, field()?);
        let document = documents.get(number).with_context(|| format!("the script says {line:?}"))?;
        let kind = document["apiVersion"].as_str().unwrap_or_default();
        if word != "WARN" || !WITHOUT_SCHEMA.contains(&kind) {
            problems.push(format!("{} with Kubernetes {version}: {text}", id(document)));
        }
    }
    Ok(Some(problems))
}

/// What is wrong with objects of Mixer's kinds by their definitions.
///
/// # Errors
/// The definitions cannot be read.
pub fn misfits(documents: &[Value]) -> anyhow::Result<Vec<String>> {
    let mut schemas = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("deploy/crds"))? {
        let definition: Value = serde_saphyr::from_str(&std::fs::read_to_string(entry?.path())?)?;
        let kind = definition.pointer("/spec/names/kind").and_then(Value::as_str);
        let schema = definition.pointer("/spec/versions/0/schema/openAPIV3Schema");
        let (kind, schema) = kind.zip(schema).context("a definition without kind or schema")?;
        schemas.insert(kind.to_owned(), jsonschema::validator_for(&as_json_schema(schema))?);
    }
    let mut problems = Vec::new();
    for document in documents.iter().filter(|document| is_mixer(document)) {
        let kind = document["kind"].as_str().unwrap_or_default();
        let Some(schema) = schemas.get(kind) else {
            problems.push(format!("{}: there is no definition of {kind}", id(document)));
            continue;
        };
        for error in schema.iter_errors(document) {
            problems.push(format!("{}: {}: {error}", id(document), error.instance_path()));
        }
    }
    Ok(problems)
}

/// A structural schema in words of JSON Schema: what may be `null`, and what may be a number or a text.
fn as_json_schema(schema: &Value) -> Value {
    let Value::Object(map) = schema else { return schema.clone() };
    let mut map = map.clone();
    let nullable = map.remove("nullable") == Some(Value::Bool(true));
    if map.remove("x-kubernetes-int-or-string").is_some() {
        map.insert("type".to_owned(), json!(["integer", "string"]));
    }
    // Formats of OpenAPI (int32) are none of JSON Schema.
    map.remove("format");
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(key) {
            *inner = as_json_schema(inner);
        }
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        properties.values_mut().for_each(|inner| *inner = as_json_schema(inner));
    }
    if nullable { json!({"anyOf": [{"type": "null"}, map]}) } else { Value::Object(map) }
}
