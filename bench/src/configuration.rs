//! The configurations under which servers are measured, as resources. They are written as JSON, which is YAML.

mod metrics;
mod policy;
mod rules;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

pub(crate) use metrics::{Handler, metrics};
pub(crate) use policy::{LIST_USE_COUNT, QUOTA, policy};
pub(crate) use rules::{host, rules};

use crate::attributes::MANIFEST;

const NAMESPACE: &str = "istio-system";

/// Writes resources into a new folder, one document after the other.
///
/// # Errors
/// The folder exists, or cannot be written.
pub(crate) fn write(folder: &Path, resources: &[Value]) -> anyhow::Result<()> {
    fs::create_dir(folder)?;
    let documents: Vec<String> = resources.iter().map(Value::to_string).collect();
    fs::write(folder.join("bench.yaml"), documents.join("\n---\n"))?;
    Ok(())
}

fn resource(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "config.istio.io/v1alpha2",
        "kind": kind,
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": spec,
    })
}

/// The attributes that requests of the benchmark have.
fn manifest() -> Value {
    let attributes: serde_json::Map<String, Value> = MANIFEST
        .iter()
        .map(|(name, value_type)| ((*name).to_owned(), json!({ "valueType": value_type.name() })))
        .collect();
    resource("attributemanifest", "bench", &json!({ "attributes": attributes }))
}

#[cfg(test)]
mod tests;
