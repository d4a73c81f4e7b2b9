//! The types of attributes for `mixs expr eval`: what manifest files and the built-in manifests declare, by the
//! server's own compiler; then those of the values given.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use mixer_adapter_api::Registry;
use mixer_attribute::{Value, ValueType, VocabularyBuilder};
use mixer_cli::TypedValue;
use mixer_config::{CompileOptions, Problem, ReadOptions, Severity, compile, parse_documents};

/// Declares the attributes of the manifest files and of the built-in manifests, and those that only the values
/// name.
pub(crate) fn declare(
    manifests: &[PathBuf],
    given: &[(String, TypedValue)],
) -> anyhow::Result<VocabularyBuilder> {
    let options = CompileOptions::default();
    let reading = ReadOptions { default_namespace: Some(options.default_namespace.clone()) };
    let mut resources = Vec::new();
    for path in manifests {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {file}"))?;
        let (found, problems) = parse_documents(&file, &text, &reading);
        refuse(&problems)?;
        resources.extend(found.into_iter().filter(|resource| &*resource.id.kind == "attributemanifest"));
    }
    let compiled = compile(&resources, &Registry::new(Vec::new()), &options);
    refuse(&compiled.problems)?;
    let mut builder = VocabularyBuilder::new();
    for (name, (_, value_type)) in compiled.snapshot.vocabulary.attributes() {
        builder.attribute(name, value_type)?;
    }
    for (name, value) in given {
        if builder.vocabulary().slot(name).is_none() {
            builder.attribute(name, type_of(value))?;
        }
    }
    Ok(builder)
}

fn refuse(problems: &[Problem]) -> anyhow::Result<()> {
    match problems.iter().find(|problem| problem.severity == Severity::Error) {
        Some(problem) => bail!("{problem}"),
        None => Ok(()),
    }
}

fn type_of(value: &Value<'_>) -> ValueType {
    match value {
        Value::Text(_) => ValueType::String,
        Value::Int64(_) => ValueType::Int64,
        Value::Double(_) => ValueType::Double,
        Value::Bool(_) => ValueType::Bool,
        Value::Timestamp(_) => ValueType::Timestamp,
        Value::Duration(_) => ValueType::Duration,
        Value::Bytes(_) => ValueType::IpAddress,
        Value::StringMap(_) => ValueType::StringMap,
    }
}
