//! `mixgen doc`: a reference in Markdown.

use std::path::{Path, PathBuf};

use mixer_codegen::reference;

use crate::make::{Imports, Make};
use crate::record;

/// Makes a reference in Markdown from the comments of a .proto file: of an adapter's configuration (the file with the
/// message Params) or of a template.
///
/// The text stands between two comments; put them into a README, and `mixgen check --write` keeps what is between
/// them up to date. A comment with a line $hide_from_docs hides its field or message.
#[derive(clap::Args, Debug)]
pub(crate) struct DocArgs {
    /// A .proto file, or a descriptor set with source information.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Level of the headings of further messages.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=6))]
    heading: u8,
    /// File to write; standard output when not given.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    imports: Imports,
}

impl DocArgs {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file, heading: 3, output: None, imports: Imports::default() }
    }

    pub(crate) fn output(&self) -> Option<PathBuf> {
        self.output.clone()
    }
}

impl Make for DocArgs {
    fn text(&self, base: &Path) -> anyhow::Result<String> {
        let source = self.imports.protos(base).read(&base.join(&self.file))?;
        Ok(reference(&source, self.heading)?)
    }

    fn arguments(&self, from: &Path) -> anyhow::Result<Vec<String>> {
        let mut arguments = vec!["doc".to_owned(), record::seen_from(from, &self.file)?];
        if self.heading != 3 {
            arguments.extend(["--heading".to_owned(), self.heading.to_string()]);
        }
        arguments.extend(self.imports.arguments(from)?);
        Ok(arguments)
    }

    fn framed(&self, text: &str, command: &str) -> String {
        record::block(text, command)
    }
}
