//! A reference in Markdown from the comments of a proto file: of a template, or of an adapter's configuration.

mod config;
mod table;
mod template;

use prost_reflect::MessageDescriptor;

use crate::{Error, Model, Rule, Source};

/// The reference of a source: of the template when it is one, else of its message `Params` and of the messages and
/// enums that `Params` uses. Headings of further messages have the given level.
///
/// # Errors
/// The source is neither, or a template that breaks rules.
pub fn reference(source: &Source, heading: u8) -> Result<String, Error> {
    match params(source) {
        Some(params) => Ok(config::reference(&params, heading)),
        None => match Model::read(source) {
            Ok(model) => Ok(template::reference(&model, heading)),
            // A file without the option is meant to be a configuration.
            Err(error) if error.diagnostics().iter().all(|found| found.rule == Rule::OneTemplate) => {
                let file = source
                    .main()
                    .map_or_else(|| "the descriptor set".to_owned(), |file| file.name().to_owned());
                let text = "no message Params and no option template_variety: neither the configuration of an \
                            adapter nor a template; name a file that is one of them";
                Err(Error::one(&source.shown(&file), None, Rule::Params, text))
            }
            Err(error) => Err(error),
        },
    }
}

/// The message `Params` of the named file, or of the last file of a descriptor set that has one.
fn params(source: &Source) -> Option<MessageDescriptor> {
    let find =
        |file: &prost_reflect::FileDescriptor| file.messages().find(|message| message.name() == "Params");
    match source.main() {
        Some(file) => find(file),
        None => source.pool().files().collect::<Vec<_>>().iter().rev().find_map(find),
    }
}
