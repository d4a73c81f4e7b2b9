//! The types of attributes for `mixs expr eval`: those of manifests, else those of the values given.

use std::path::Path;

use anyhow::{Context as _, bail};
use mixer_attribute::{Value, ValueType, VocabularyBuilder};
use mixer_cli::TypedValue;
use mixer_config::{RawResource, ReadOptions, parse_documents};

const MANIFEST: &str = "attributemanifest";

/// Declares the attributes of the manifest files, then those that only the values name.
pub(crate) fn declare(
    manifests: &[std::path::PathBuf],
    given: &[(String, TypedValue)],
) -> anyhow::Result<VocabularyBuilder> {
    let mut builder = VocabularyBuilder::new();
    for path in manifests {
        for resource in read(path)? {
            add(&mut builder, &resource).with_context(|| path.display().to_string())?;
        }
    }
    for (name, value) in given {
        if builder.vocabulary().slot(name).is_none() {
            builder.attribute(name, type_of(value))?;
        }
    }
    Ok(builder)
}

fn read(path: &Path) -> anyhow::Result<Vec<RawResource>> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| file.clone())?;
    let (mut resources, problems) = parse_documents(&file, &text, &ReadOptions::default());
    resources.retain(|resource| &*resource.id.kind == MANIFEST);
    if resources.is_empty() {
        match problems.first() {
            Some(problem) => bail!("{problem}"),
            None => bail!("{file} has no resource of kind {MANIFEST}"),
        }
    }
    Ok(resources)
}

fn add(builder: &mut VocabularyBuilder, resource: &RawResource) -> anyhow::Result<()> {
    let Some(attributes) = resource.spec.get("attributes") else { return Ok(()) };
    for (name, attribute) in attributes.entries() {
        let field = || format!("attribute {} (line {})", name.text, name.position.line);
        let written = ["valueType", "value_type"].iter().find_map(|field| attribute.get(field)?.as_str());
        let value_type: ValueType = written.unwrap_or_default().parse().with_context(field)?;
        builder.attribute(&name.text, value_type).with_context(field)?;
    }
    Ok(())
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
