//! Reads `.proto` files and descriptor sets. What they import of Mixer, of `google.protobuf` and of gogoproto is
//! built in, so neither protoc nor a source tree is needed.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use prost::Message as _;
use prost_reflect::{DescriptorPool, FileDescriptor};
use prost_types::FileDescriptorSet;
use protox::Compiler;
use protox::file::{
    ChainFileResolver, DescriptorSetFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver,
};

use crate::comments::Comments;
use crate::{Diagnostic, Error, Rule};

/// What to do about an import that is not found.
const INCLUDE: &str =
    "; name the directory that it is below with -I, or put it beside the file that imports it";
const COMPLETE: &str = "; make the set with protoc --include_imports";

/// Options of Go code generators, which many existing files set.
const GOGO: (&str, &str) = ("gogoproto/gogo.proto", include_str!("../protos/gogoproto/gogo.proto"));

/// Reads files, with what they import.
#[derive(Clone, Debug, Default)]
pub struct Protos {
    include: Vec<PathBuf>,
}

/// Files that were read, with everything that they import.
#[derive(Debug)]
pub struct Source {
    pool: DescriptorPool,
    set: Vec<u8>,
    /// The file that was named; none when a descriptor set was.
    main: Option<FileDescriptor>,
    /// Import names that the caller knows by another name.
    shown: BTreeMap<String, String>,
}

impl Protos {
    /// Imports are looked for in these directories, then beside the file that imports, then among the files that are
    /// built in.
    pub fn new(include: Vec<PathBuf>) -> Self {
        Self { include }
    }

    /// Reads a `.proto` file, or anything else as a descriptor set.
    ///
    /// # Errors
    /// The file cannot be read, is not sound protobuf, or imports what is not there.
    pub fn read(&self, path: &Path) -> Result<Source, Error> {
        let shown = path.display().to_string();
        let read = |cause| Error::Read { path: shown.clone(), cause };
        if path.extension().is_some_and(|extension| extension == "proto") {
            let text = fs::read_to_string(path).map_err(read)?;
            self.compile(&self.import_name(path), &text, path)
        } else {
            Self::descriptor_set(&fs::read(path).map_err(read)?, &shown)
        }
    }

    /// Compiles proto text as if it stood at `path`.
    ///
    /// # Errors
    /// The text is not sound protobuf, or imports what is not there.
    pub fn compile(&self, name: &str, text: &str, path: &Path) -> Result<Source, Error> {
        let mut resolver = ChainFileResolver::new();
        resolver.add(Text { name: name.to_owned(), text: text.to_owned() });
        let beside = path.parent().map(Path::to_path_buf);
        for directory in self.include.iter().cloned().chain(beside) {
            resolver.add(IncludeFileResolver::new(directory));
        }
        let shown = BTreeMap::from([(name.to_owned(), path.display().to_string())]);
        let compiler = open(resolver, &[name], INCLUDE).map_err(|mut refusal| {
            refusal.file = shown.get(&refusal.file).cloned().unwrap_or(refusal.file);
            Error::Refused(vec![refusal])
        })?;
        let pool = compiler.descriptor_pool();
        let main = pool.get_file_by_name(name);
        // The compiler writes the bytes: options that files add to those of protobuf would not survive a detour
        // through the Rust type.
        Ok(Source { set: compiler.encode_file_descriptor_set(), pool, main, shown })
    }

    /// Reads the bytes of a descriptor set; `shown` is what diagnostics call it. Imports that are not in the set are
    /// taken from the files that are built in.
    ///
    /// # Errors
    /// The bytes are not a descriptor set, or lack a file that is imported.
    pub fn descriptor_set(bytes: &[u8], shown: &str) -> Result<Source, Error> {
        let refuse = |text: String| Error::one(shown, None, Rule::Compile, text);
        let not_a_set = |error: &dyn std::fmt::Display| {
            refuse(format!(
                "not a descriptor set ({error}); name a .proto file, or make the set with protoc \
                 --include_imports --descriptor_set_out"
            ))
        };
        let set = FileDescriptorSet::decode(bytes).map_err(|error| not_a_set(&error))?;
        if set.file.is_empty() {
            return Err(not_a_set(&"it has no file"));
        }
        let names: Vec<&str> = set.file.iter().map(|file| file.name()).collect();
        let mut resolver = ChainFileResolver::new();
        resolver.add(DescriptorSetFileResolver::decode(bytes).map_err(|error| not_a_set(&error))?);
        // The library panics on some damaged files while it words the error.
        let opened = catch_unwind(AssertUnwindSafe(|| open(resolver, &names, COMPLETE)));
        let compiler =
            opened.map_err(|_| refuse("the descriptor set is damaged; make it anew".to_owned()))?;
        let compiler =
            compiler.map_err(|refusal| refuse(format!("{}: {}", refusal.file, refusal.message)))?;
        let complete = compiler.files().len() == names.len();
        // A set is passed on as it was given, comments included, unless it lacks files.
        let set = if complete { bytes.to_vec() } else { compiler.encode_file_descriptor_set() };
        Ok(Source { pool: compiler.descriptor_pool(), set, main: None, shown: BTreeMap::new() })
    }

    /// The path below an include directory, else the file's own name.
    fn import_name(&self, path: &Path) -> String {
        let below = self.include.iter().find_map(|include| path.strip_prefix(include).ok());
        let name = below.unwrap_or_else(|| Path::new(path.file_name().unwrap_or(path.as_os_str())));
        name.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
    }
}

impl Source {
    /// The encoded `google.protobuf.FileDescriptorSet` of the files and everything they import.
    pub fn descriptor_set(&self) -> &[u8] {
        &self.set
    }

    /// The descriptors.
    pub fn pool(&self) -> &DescriptorPool {
        &self.pool
    }

    /// The file that was named; none when a descriptor set was.
    pub fn main(&self) -> Option<&FileDescriptor> {
        self.main.as_ref()
    }

    /// The error of one broken rule, about the element at `path` of a file.
    pub(crate) fn refusal(&self, file: &FileDescriptor, path: &[i32], rule: Rule, text: String) -> Error {
        Error::one(&self.shown(file.name()), Comments::of(file).line(path), rule, text)
    }

    /// What diagnostics call a file.
    pub(crate) fn shown(&self, name: &str) -> String {
        self.shown.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }
}

/// Compiles files that a resolver finds, together with those that are built in. The text of a file that is not found
/// ends with `hint`.
fn open(mut resolver: ChainFileResolver, names: &[&str], hint: &str) -> Result<Compiler, Diagnostic> {
    resolver.add(GoogleFileResolver::new());
    resolver.add(Text { name: GOGO.0.to_owned(), text: GOGO.1.to_owned() });
    if let Ok(api) = DescriptorSetFileResolver::decode(mixer_proto::DESCRIPTOR_SET) {
        resolver.add(api);
    }
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(false);
    for name in names {
        compiler.open_file(name).map_err(|error| {
            let mut refusal = refusal(name, &error);
            refusal.message.push_str(if error.is_file_not_found() { hint } else { "" });
            refusal
        })?;
    }
    Ok(compiler)
}

/// The compiler's error with file and line; it has them only in its debug form, `file:line:column: text`.
fn refusal(name: &str, error: &protox::Error) -> Diagnostic {
    let file = error.file().unwrap_or(name);
    let text = format!("{error:?}");
    let rest = text.strip_prefix(file).map_or(text.as_str(), |rest| rest.trim_start_matches(':'));
    let mut parts = rest.splitn(3, ':');
    let mut number = || parts.next().and_then(|part| part.trim().parse::<u32>().ok());
    let (line, message) = match (number(), number(), parts.next()) {
        (Some(line), Some(_), Some(message)) => (Some(line), message),
        _ => (None, rest),
    };
    Diagnostic { file: file.to_owned(), line, rule: Rule::Compile, message: message.trim().to_owned() }
}

/// One file whose text is at hand.
struct Text {
    name: String,
    text: String,
}

impl FileResolver for Text {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name != self.name {
            return Err(protox::Error::file_not_found(name));
        }
        File::from_source(name, &self.text)
    }
}
