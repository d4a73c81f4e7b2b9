//! `mixgen template`: the resource of a template.

use std::path::{Path, PathBuf};

use mixer_codegen::{Metadata, compile_template, template_resource};

use super::{Imports, Make};
use crate::record;

/// The namespace of resources when none is given.
pub(super) const NAMESPACE: &str = "istio-system";

/// Makes the resource of a template, ready for `kubectl apply` or a configuration directory.
///
/// The descriptor may be the author's template.proto, the handler service made from it (`mixgen api`), or a descriptor
/// set of either. A descriptor set of a handler service is passed on byte for byte.
#[derive(clap::Args, Debug)]
pub(crate) struct TemplateArgs {
    /// The template: a .proto file, or the descriptor set that protoc --include_imports makes of one.
    #[arg(short, long, value_name = "FILE")]
    descriptor: PathBuf,
    /// Name of the resource: what instances and adapters call the template.
    #[arg(short, long)]
    name: String,
    /// Namespace of the resource.
    #[arg(long, default_value = NAMESPACE)]
    namespace: String,
    /// File to write; standard output when not given.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    imports: Imports,
}

impl TemplateArgs {
    pub(crate) fn new(descriptor: PathBuf, name: &str, namespace: &str) -> Self {
        let (name, namespace) = (name.to_owned(), namespace.to_owned());
        Self { descriptor, name, namespace, output: None, imports: Imports::default() }
    }

    pub(crate) fn output(&self) -> Option<PathBuf> {
        self.output.clone()
    }
}

impl Make for TemplateArgs {
    fn text(&self, base: &Path) -> anyhow::Result<String> {
        let metadata = Metadata::new(&self.name, &self.namespace)?;
        let compiled = compile_template(&self.imports.protos(base), &base.join(&self.descriptor))?;
        Ok(template_resource(&metadata, &compiled.descriptor_set))
    }

    fn arguments(&self, from: &Path) -> anyhow::Result<Vec<String>> {
        let descriptor = record::seen_from(from, &self.descriptor)?;
        let mut arguments =
            vec!["template".to_owned(), "-d".to_owned(), descriptor, "-n".to_owned(), self.name.clone()];
        if self.namespace != NAMESPACE {
            arguments.extend(["--namespace".to_owned(), self.namespace.clone()]);
        }
        arguments.extend(self.imports.arguments(from)?);
        Ok(arguments)
    }

    fn framed(&self, text: &str, command: &str) -> String {
        record::head("#", command) + text
    }
}
