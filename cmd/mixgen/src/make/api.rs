//! `mixgen api`: the handler service of a template.

use std::path::{Path, PathBuf};

use anyhow::bail;
use mixer_codegen::{Model, handler_service};

use super::{Imports, Make};
use crate::record;

/// Makes the handler service of a template: the gRPC service that an adapter serves, and the messages it takes.
///
/// Every rule that the template breaks is named with file and line.
#[derive(clap::Args, Debug)]
pub(crate) struct ApiArgs {
    /// The author's form of the template: a .proto file, or the descriptor set that protoc --include_imports makes of
    /// it.
    #[arg(short, long, value_name = "FILE")]
    template: PathBuf,
    /// Not available: Go interfaces of the original. Make Go code from the file of --proto_out with protoc.
    #[arg(long = "go_out", value_name = "FILE")]
    go_out: Option<PathBuf>,
    /// File to write; - is standard output.
    #[arg(long = "proto_out", value_name = "FILE", default_value = "./generated_template.proto")]
    proto_out: PathBuf,
    /// PROTO:GOPACKAGE, which only Go output would use; accepted and without effect.
    #[arg(short = 'm', long, value_name = "MAPPING", value_parser = mapping)]
    importmapping: Vec<String>,
    #[command(flatten)]
    imports: Imports,
}

fn mapping(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some((proto, package)) if !proto.is_empty() && !package.is_empty() && !package.contains(':') => {
            Ok(text.to_owned())
        }
        _ => Err(format!("Invalid flag -m {text}: write proto/path.proto:go/package")),
    }
}

impl ApiArgs {
    pub(crate) fn new(template: PathBuf) -> Self {
        Self {
            template,
            go_out: None,
            proto_out: PathBuf::new(),
            importmapping: Vec::new(),
            imports: Imports::default(),
        }
    }

    /// Refuses what only the original makes.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if let Some(path) = &self.go_out {
            bail!(
                "--go_out {}: mixgen makes no Go interfaces, which only adapters compiled into the original need; \
                 leave the flag out, and make Go code for a gRPC adapter from the file of --proto_out with protoc",
                path.display()
            );
        }
        Ok(())
    }

    pub(crate) fn output(&self) -> Option<PathBuf> {
        (self.proto_out.as_os_str() != "-").then(|| self.proto_out.clone())
    }
}

impl Make for ApiArgs {
    fn text(&self, base: &Path) -> anyhow::Result<String> {
        let source = self.imports.protos(base).read(&base.join(&self.template))?;
        Ok(handler_service(&Model::read(&source)?))
    }

    fn arguments(&self, from: &Path) -> anyhow::Result<Vec<String>> {
        let template = record::seen_from(from, &self.template)?;
        let mut arguments = vec!["api".to_owned(), "-t".to_owned(), template];
        arguments.extend(self.imports.arguments(from)?);
        Ok(arguments)
    }

    fn framed(&self, text: &str, command: &str) -> String {
        record::head("//", command) + text
    }
}
