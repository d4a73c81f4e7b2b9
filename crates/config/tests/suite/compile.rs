//! Compiling: every `tests/compile/*.yaml` with its problems and its snapshot.
//!
//! A first line `# options: compat builtin=full namespace=x kinds=none` sets options. In a case `${template:N}`
//! stands for the descriptor of a shipped template, `${config:N}` for that of an adapter's configuration and
//! `${proto:N}` for that of `tests/compile/N.proto`.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mixer_config::{Builtin, CompileOptions, LegacyKinds, ReadOptions, compile, parse_documents};

use crate::dump::dump;
use crate::registry::{config_descriptor, registry};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile")
}

fn proto(name: &str) -> Vec<u8> {
    let api = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/proto");
    let mut compiler = protox::Compiler::new([directory(), api]).unwrap();
    compiler.include_imports(true).open_file(format!("{name}.proto")).unwrap().encode_file_descriptor_set()
}

fn expand(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').unwrap();
        let bytes = match name.split_once(':').unwrap() {
            ("template", name) => mixer_proto::template::descriptor_set(name).unwrap().to_vec(),
            ("config", name) => config_descriptor(name).to_vec(),
            ("proto", name) => proto(name),
            _ => panic!("{name}"),
        };
        out.push_str(before);
        out.push_str(&STANDARD.encode(bytes));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn options(text: &str) -> CompileOptions {
    let mut options = CompileOptions::default();
    let line = text.lines().next().and_then(|line| line.strip_prefix("# options: ")).unwrap_or_default();
    for word in line.split_whitespace() {
        match word.split_once('=').unwrap_or((word, "")) {
            ("compat", _) => options.compat = true,
            ("builtin", "full") => options.builtin = Builtin::Full,
            ("namespace", name) => options.default_namespace = name.into(),
            ("kinds", "none") => options.legacy_kinds = LegacyKinds { adapters: false, templates: false },
            _ => panic!("{word}"),
        }
    }
    options
}

/// Names and texts of all cases.
pub(crate) fn cases() -> Vec<(String, String)> {
    let mut files: Vec<_> =
        std::fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(!files.is_empty());
    files
        .into_iter()
        .map(|file| {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            (name, expand(&std::fs::read_to_string(&file).unwrap()))
        })
        .collect()
}

#[test]
fn every_case() {
    for (name, text) in cases() {
        let (resources, problems) = parse_documents(&name, &text, &ReadOptions::default());
        assert_eq!(problems, [], "{name}");
        let compiled = compile(&resources, &registry(), &options(&text));
        insta::with_settings!({ snapshot_path => "../compile", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name.as_str(), dump(&compiled));
        });
    }
}
