//! What the tests share: where the project's files are, proto text to models and templates, YAML to values.

use std::path::{Path, PathBuf};

use mixer_codegen::{Error, Model, Protos, Source, handler_service};
use mixer_template::Template;

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A `template.proto` with the usual imports: package, variety, messages.
pub(crate) fn author(package: &str, variety: &str, messages: &str) -> String {
    format!(
        "syntax = \"proto3\";\n\
         package {package};\n\
         import \"mixer/adapter/model/v1beta1/extensions.proto\";\n\
         import \"policy/v1beta1/type.proto\";\n\
         option (istio.mixer.adapter.model.v1beta1.template_variety) = TEMPLATE_VARIETY_{variety};\n\
         {messages}"
    )
}

/// Compiles proto text as `template.proto`.
pub(crate) fn source(text: &str) -> Result<Source, Error> {
    Protos::default().compile("template.proto", text, Path::new("template.proto"))
}

pub(crate) fn model(text: &str) -> Result<Model, Error> {
    Model::read(&source(text)?)
}

/// The template that a handler service made from proto text describes.
pub(crate) fn template(text: &str) -> Template {
    let service = handler_service(&model(text).unwrap_or_else(|error| panic!("{error}\n{text}")));
    let made = Protos::default().compile("service.proto", &service, Path::new("service.proto"));
    let made = made.unwrap_or_else(|error| panic!("{error}\n{service}"));
    Template::from_descriptor_set("made", made.descriptor_set()).unwrap()
}

/// A YAML document.
pub(crate) fn yaml(text: &str) -> serde_json::Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}
