//! The commands that make one file each. All of them can be run again from what the file says of itself.

mod adapter;
mod api;
mod template;

use std::path::{Path, PathBuf};

use mixer_codegen::Protos;

pub(crate) use adapter::AdapterArgs;
pub(crate) use api::ApiArgs;
pub(crate) use template::TemplateArgs;

/// A command that makes one file.
pub(crate) trait Make {
    /// The file's text without its head. Relative paths of the command are below `base`.
    fn text(&self, base: &Path) -> anyhow::Result<String>;

    /// The arguments, with paths as seen from the directory `from`; those with their default are left out.
    fn arguments(&self, from: &Path) -> anyhow::Result<Vec<String>>;

    /// Puts the head that says how the file was made around its text.
    fn framed(&self, text: &str, command: &str) -> String;
}

/// Where imports of .proto files are.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Imports {
    /// Directory below which imports are looked for; may be given several times. What a file imports is also found
    /// beside it, and the files of Mixer, google.protobuf and gogoproto are built in.
    #[arg(short = 'I', long = "proto_path", value_name = "DIR")]
    include: Vec<PathBuf>,
}

impl Imports {
    pub(crate) fn protos(&self, base: &Path) -> Protos {
        Protos::new(self.include.iter().map(|directory| base.join(directory)).collect())
    }

    pub(crate) fn arguments(&self, from: &Path) -> anyhow::Result<Vec<String>> {
        let mut arguments = Vec::new();
        for directory in &self.include {
            arguments.extend(["-I".to_owned(), crate::record::seen_from(from, directory)?]);
        }
        Ok(arguments)
    }
}
