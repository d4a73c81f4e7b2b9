//! What the tests share: where the project's files are, proto text to models, resources to descriptors.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use mixer_codegen::{Error, Model, Protos, Source};

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compiles proto text as `template.proto`.
pub(crate) fn source(text: &str) -> Result<Source, Error> {
    Protos::default().compile("template.proto", text, Path::new("template.proto"))
}

pub(crate) fn model(text: &str) -> Model {
    source(text).and_then(|source| Model::read(&source)).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The documents of a YAML file.
pub(crate) fn documents(text: &str) -> Vec<serde_json::Value> {
    let documents = text.split("\n---").filter(|document| !document.trim().is_empty());
    documents.map(|document| serde_saphyr::from_str(document).unwrap()).collect()
}

/// The descriptor set of a `template` resource.
pub(crate) fn descriptor(resource: &serde_json::Value) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD
        .decode(resource["spec"]["descriptor"].as_str().unwrap())
        .unwrap()
}
