//! Stale files are found and named, and a run leaves none behind.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Args, Outputs, check, run};

fn outputs(files: &[(&str, &str)]) -> Outputs {
    let mut outputs = Outputs::default();
    for (path, content) in files {
        outputs.put(*path, *content);
    }
    outputs
}

#[test]
fn stale_files_are_named() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("out/deep")).unwrap();
    for (path, content) in [("out/same", "1"), ("out/changed", "1"), ("out/deep/old", "1"), ("other", "1")] {
        fs::write(root.path().join(path), content).unwrap();
    }
    let mut outputs = outputs(&[("out/same", "1"), ("out/changed", "2"), ("out/missing", "1")]);
    outputs.note_present_below(root.path(), Path::new("out")).unwrap();
    outputs.note_present(root.path(), PathBuf::from("nosuch"));

    let (changed, left_over) = outputs.stale(root.path()).unwrap();
    assert_eq!(changed, [Path::new("out/changed"), Path::new("out/missing")]);
    assert_eq!(left_over, [Path::new("out/deep/old")]);
    let text = check(&changed, &left_over).unwrap_err().to_string();
    for name in ["out/changed is out of date", "out/missing is out of date", "out/deep/old is made from"] {
        assert!(text.contains(name), "{text}");
    }
    check(&[], &[]).unwrap();
}

/// A workspace with the files of the API, and the configuration of one adapter.
fn workspace(config: &str) -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let api = "crates/proto/proto";
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(api), &root.path().join(api));
    let adapter = root.path().join("adapters/sample");
    fs::create_dir_all(adapter.join("src")).unwrap();
    fs::write(adapter.join("config.proto"), config).unwrap();
    // Generated source is formatted by the rules of the workspace.
    fs::write(root.path().join("rustfmt.toml"), "").unwrap();
    (root, adapter)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

#[test]
fn a_run_brings_everything_up_to_date() {
    let config = "syntax = \"proto3\"; package adapter.sample.config; message Params { string a = 1; }";
    let (root, adapter) = workspace(config);
    let run = |check| run(root.path(), &Args { check });
    let stale = run(true).unwrap_err().to_string();
    assert!(stale.contains("adapters/sample/src/generated.rs is out of date"), "{stale}");
    assert!(!adapter.join("src/generated.rs").exists(), "a check writes nothing");
    run(false).unwrap();
    run(true).unwrap();
    let code = fs::read_to_string(adapter.join("src/generated.rs")).unwrap();
    assert!(code.contains("pub struct Params"), "{code}");
    assert!(adapter.join("src/config.desc").exists());

    fs::write(adapter.join("config.proto"), config.replace("string a", "int64 a")).unwrap();
    assert!(run(true).is_err());
    fs::remove_file(adapter.join("config.proto")).unwrap();
    let stale = run(true).unwrap_err().to_string();
    assert!(stale.contains("adapters/sample/src/config.desc is made from nothing any more"), "{stale}");
    run(false).unwrap();
    assert!(!adapter.join("src/generated.rs").exists());
}

#[test]
fn a_mistake_is_named_with_its_file() {
    let (root, _) = workspace("syntax = \"proto3\"; message Params { strin a = 1; }");
    let error = format!("{:#}", run(root.path(), &Args { check: false }).unwrap_err());
    assert!(error.contains("adapters/sample/config.proto") && error.contains("strin"), "{error}");
}
