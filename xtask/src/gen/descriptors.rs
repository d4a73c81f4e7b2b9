//! Compiles `.proto` files, of which some stand elsewhere than their import names say, into descriptors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use prost_types::FileDescriptorSet;
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};

/// Where `.proto` files are found.
pub(super) struct Sources {
    /// Directory below which a file's path is its import name.
    pub(super) include: PathBuf,
    /// Import name to path, for the other files.
    pub(super) elsewhere: BTreeMap<String, PathBuf>,
}

impl Sources {
    /// Encodes files and everything they import as one `FileDescriptorSet`, without comments and positions.
    ///
    /// The bytes come from the compiler as they are: the options that the project's files add to
    /// `FileOptions` would not survive a detour through the Rust type.
    pub(super) fn encode(&self, names: &[&str]) -> anyhow::Result<Vec<u8>> {
        Ok(self.compile(names, false)?.encode_file_descriptor_set())
    }

    /// The descriptors of files and everything they import, with comments.
    pub(super) fn describe(&self, names: &[&str]) -> anyhow::Result<FileDescriptorSet> {
        Ok(self.compile(names, true)?.file_descriptor_set())
    }

    fn compile(&self, names: &[&str], comments: bool) -> anyhow::Result<Compiler> {
        let mut resolver = ChainFileResolver::new();
        resolver.add(Elsewhere(self.elsewhere.clone()));
        resolver.add(IncludeFileResolver::new(self.include.clone()));
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true).include_source_info(comments);
        for name in names {
            compiler.open_file(name).with_context(|| format!("cannot compile {}", self.path(name)))?;
        }
        Ok(compiler)
    }

    /// Where a file stands, for error texts.
    fn path(&self, name: &str) -> String {
        let path = self.elsewhere.get(name).cloned().unwrap_or_else(|| self.include.join(name));
        path.display().to_string()
    }
}

/// Finds files by a table.
struct Elsewhere(BTreeMap<String, PathBuf>);

impl FileResolver for Elsewhere {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let path: &Path = self.0.get(name).ok_or_else(|| protox::Error::file_not_found(name))?;
        File::open(name, path)
    }
}
