//! Which files of a tree are read, and what becomes of those that cannot be.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use mixer_config_fs::FsSource;

fn rule(name: &str) -> String {
    format!("apiVersion: config.istio.io/v1alpha2\nkind: rule\nmetadata: {{name: {name}, namespace: shop}}\n")
}

/// Names of the rules, then problems with paths relative to the tree; or why nothing was read.
fn read(path: &Path) -> Result<(Vec<String>, Vec<String>), String> {
    let content = FsSource::new(path).read().map_err(|unavailable| unavailable.to_string())?;
    let root = format!("{}/", path.display());
    let names = content.resources.iter().map(|resource| resource.id.name.to_string()).collect();
    let problems = content.problems.iter().map(|problem| problem.to_string().replace(&root, "")).collect();
    Ok((names, problems))
}

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

#[test]
fn files_are_read_in_the_order_of_their_paths() {
    let tree = tree(&[
        ("b.yaml", &rule("b")),
        ("a/z.yml", &rule("a-z")),
        (
            "a/y.json",
            r#"{"apiVersion":"config.istio.io/v1alpha2","kind":"rule","metadata":{"name":"a-y","namespace":"shop"}}"#,
        ),
        ("c.txt", "not: [read"),
        ("c.yaml.bak", "not: [read"),
        (".hidden.yaml", "not: [read"),
        (".git/config.yaml", "not: [read"),
    ]);
    assert_eq!(read(tree.path()), Ok((vec!["a-y".into(), "a-z".into(), "b".into()], vec![])));
}

#[test]
fn a_single_file_may_have_any_name() {
    let tree = tree(&[("configuration", &rule("a"))]);
    assert_eq!(read(&tree.path().join("configuration")), Ok((vec!["a".into()], vec![])));
}

#[test]
fn a_mounted_config_map_is_read_once() {
    let tree = tree(&[("..2024_01/rules.yaml", &rule("a"))]);
    symlink("..2024_01", tree.path().join("..data")).unwrap();
    symlink("..data/rules.yaml", tree.path().join("rules.yaml")).unwrap();
    assert_eq!(read(tree.path()), Ok((vec!["a".into()], vec![])));
}

#[test]
fn links_that_go_round_or_meet_are_read_once() {
    let tree = tree(&[("a/rules.yaml", &rule("a"))]);
    symlink("..", tree.path().join("a/up")).unwrap();
    symlink("a", tree.path().join("b")).unwrap();
    symlink("a/rules.yaml", tree.path().join("c.yaml")).unwrap();
    assert_eq!(read(tree.path()), Ok((vec!["a".into()], vec![])));
}

#[test]
fn a_bad_file_hides_no_other() {
    let tree = tree(&[("a.yaml", "a: [b"), ("b.yaml", &rule("b"))]);
    fs::write(tree.path().join("c.yaml"), b"a: \xff").unwrap();
    symlink("nowhere.yaml", tree.path().join("d.yaml")).unwrap();
    let (names, problems) = read(tree.path()).unwrap();
    assert_eq!(names, ["b"]);
    assert_eq!(
        problems,
        [
            "a.yaml:1:4: error: the document is not valid YAML: unclosed bracket '['",
            "d.yaml: error: is a symbolic link to a file that does not exist",
            "c.yaml: error: is no UTF-8 text: the byte at offset 3 is not",
        ]
    );
}

#[test]
fn what_is_no_file_is_not_read() {
    let tree = tree(&[("a.yaml", &rule("a"))]);
    let _socket = std::os::unix::net::UnixListener::bind(tree.path().join("b.yaml")).unwrap();
    let problem = "b.yaml: error: is left out: it is neither a file nor a directory";
    assert_eq!(read(tree.path()), Ok((vec!["a".into()], vec![problem.into()])));
}

#[test]
fn nothing_to_read_is_said() {
    let tree = tree(&[("notes.txt", "")]);
    let root = tree.path().display();
    assert_eq!(read(tree.path()), Err(format!("{root} has no file that ends in .yaml, .yml or .json")));
    let missing = read(&tree.path().join("missing")).unwrap_err();
    assert!(missing.starts_with(&format!("{root}/missing cannot be read: ")), "{missing}");
    fs::write(tree.path().join("a.yaml"), b"\xff").unwrap();
    let text = format!("{root}/a.yaml is no UTF-8 text: the byte at offset 0 is not");
    assert_eq!(read(tree.path()), Err(text));
}
