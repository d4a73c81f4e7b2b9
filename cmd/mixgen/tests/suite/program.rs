//! Runs the program in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mixer_adapter_api::Registry;
use mixer_config::{CompileOptions, ReadOptions, compile, parse_documents};
use tempfile::TempDir;

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a run gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A folder in which the program runs.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self::new();
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        run(self.path(), arguments)
    }

    /// Runs without failure and without a word on standard error; gives standard output.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{arguments:?}");
        run.out
    }

    /// Runs into a failure; gives standard error.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{arguments:?}: {}", run.err);
        run.err
    }
}

pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_mixgen"))
        .args(arguments)
        .current_dir(directory)
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// What the server has to say against resources, as `mixs validate` prints it; the built-in vocabulary is there.
pub(crate) fn validate(files: &[(&str, &str)]) -> Vec<String> {
    let mut resources = Vec::new();
    let mut problems = Vec::new();
    for (name, text) in files {
        let (read, found) = parse_documents(name, text, &ReadOptions::default());
        assert!(!read.is_empty(), "{name} holds no resource");
        resources.extend(read);
        problems.extend(found);
    }
    problems.extend(compile(&resources, &Registry::default(), &CompileOptions::default()).problems);
    problems.iter().map(ToString::to_string).collect()
}

/// A template with one field of each kind that scripts are likely to have.
pub(crate) const TEMPLATE: &str = "syntax = \"proto3\";
package foo.myThing;
import \"mixer/adapter/model/v1beta1/extensions.proto\";
import \"policy/v1beta1/type.proto\";
option (istio.mixer.adapter.model.v1beta1.template_variety) = TEMPLATE_VARIETY_CHECK;
// What it is.
message Template {
  // A text.
  string text = 1;
  map<string, istio.policy.v1beta1.Value> labels = 2;
}
";

/// An adapter's configuration.
pub(crate) const CONFIG: &str = "syntax = \"proto3\";\npackage adapter.x.config;\n// How.\nmessage Params {\n  // A text.\n  string text = 1;\n}\n";
