//! The descriptor sets that resources carry: of a template's handler service, of an adapter's configuration.

use std::path::Path;

use mixer_template::{ParamsMessage, Template};

use crate::model::service_of;
use crate::{Error, Model, Protos, Rule, Source, handler_service};

/// A template as servers read it.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The descriptor set of its handler service, with everything that imports.
    pub descriptor_set: Vec<u8>,
    /// The template itself, called as its option `template_name` says.
    pub template: Template,
}

/// Reads and compiles a template in either form: the author's `template.proto`, or the handler service made from it.
///
/// # Errors
/// The template breaks rules, or the handler service is none that a server can call.
pub fn compile_template(protos: &Protos, path: &Path) -> Result<Compiled, Error> {
    let given = protos.read(path)?;
    let shown = path.display().to_string();
    let set = match service_of(&given) {
        Some(service) => {
            let mut methods = service.methods();
            if let Some(method) = methods.find(|m| m.is_client_streaming() || m.is_server_streaming()) {
                let text = format!(
                    "method {} of {} streams; an adapter's method takes one message and answers with one",
                    method.name(),
                    service.name()
                );
                return Err(given.refusal(&service.parent_file(), method.path(), Rule::Unary, text));
            }
            given.descriptor_set().to_vec()
        }
        None => {
            let model = Model::read(&given)?;
            let name = service_name(&given);
            // Where the text would stand, so that the compiler finds what the author's file finds.
            let path = path.with_file_name(Path::new(&name).file_name().unwrap_or_default());
            protos.compile(&name, &handler_service(&model), &path)?.descriptor_set().to_vec()
        }
    };
    match Template::from_descriptor_set("", &set) {
        Ok(template) => {
            let name = template.template_name().to_owned();
            Ok(Compiled { descriptor_set: set, template: template.with_name(&name) })
        }
        Err(error) => Err(Error::one(&shown, None, Rule::HandlerService, error.to_string())),
    }
}

/// Import name of the handler service of an author's form: `x_handler_service.proto` beside `x.proto`.
fn service_name(source: &Source) -> String {
    let file = source.main().cloned().or_else(|| source.pool().files().last());
    let name = file.map(|file| file.name().to_owned()).unwrap_or_default();
    format!("{}_handler_service.proto", name.strip_suffix(".proto").unwrap_or(&name))
}

/// The descriptor set of an adapter's configuration, which must have a message `Params`.
///
/// # Errors
/// The file is not sound, or has no such message.
pub fn config_descriptor(protos: &Protos, path: &Path) -> Result<Vec<u8>, Error> {
    let source = protos.read(path)?;
    match ParamsMessage::find(source.descriptor_set()) {
        Ok(_) => Ok(source.descriptor_set().to_vec()),
        Err(error) => Err(Error::one(&path.display().to_string(), None, Rule::Params, error.to_string())),
    }
}
