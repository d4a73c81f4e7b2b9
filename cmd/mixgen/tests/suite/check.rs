//! `mixgen check` names what is stale, and only that.

use std::fs;

use crate::program::{CONFIG, Folder, TEMPLATE};

/// A folder in which everything is up to date.
fn fresh() -> Folder {
    let folder = Folder::with(&[
        ("sub/template.proto", TEMPLATE),
        ("config.proto", CONFIG),
        ("other.yaml", "not: ours\n"),
        ("sub/target/made.yaml", "# Made by mixgen, do not edit; of another build\n"),
    ]);
    folder.done(&["api", "-t", "sub/template.proto", "--proto_out", "sub/service.proto"]);
    folder.done(&["template", "-d", "sub/service.proto", "-n", "mything", "-o", "made.yaml"]);
    folder.done(&["adapter", "-n", "x", "-c", "config.proto", "-s", "-d", "it's \"his\"", "-o", "sub"]);
    let part = folder.done(&["doc", "config.proto"]);
    // Text and fenced blocks may speak of the comments.
    let spoken = "The comment `<!-- mixgen doc x -->` begins a part:\n\n```\n<!-- mixgen doc y -->\n```\n";
    folder.write("README.md", format!("# Title\n\n{spoken}\n{part}\nEnd.\n"));
    folder
}

#[test]
fn up_to_date() {
    let folder = fresh();
    let summary = "4 generated files are up to date, 0 golden cases hold\n";
    assert_eq!(folder.done(&["check"]), summary);
    assert_eq!(folder.done(&["check", ".", "made.yaml", "--write"]), summary);
    assert_eq!(folder.done(&["check", "sub"]), summary.replace('4', "2"));
}

#[test]
fn stale_files_are_named_and_made_again() {
    let folder = fresh();
    folder.write("sub/template.proto", TEMPLATE.replace("text = 1", "text = 9"));
    folder.write("config.proto", CONFIG.replace("A text", "Some text"));
    let readme = folder.read("README.md");
    let error = folder.refused(&["check"]);
    let named: Vec<&str> = error.lines().map(|line| line.split(':').next().unwrap()).collect();
    // The service is stale; the resource is what the stale service makes.
    assert_eq!(named, ["README.md", "sub/service.proto"], "{error}");
    assert_eq!(folder.read("README.md"), readme, "a check writes nothing");
    let out = folder.done(&["check", "--write", "sub"]);
    assert!(out.starts_with("wrote sub/service.proto\n2 generated"), "{out}");
    assert!(folder.refused(&["check"]).contains("made.yaml: is stale"));
    folder.done(&["check", "--write"]);
    folder.done(&["check"]);
    assert_eq!(folder.read("README.md"), readme.replace("A text", "Some text"));
}

#[test]
fn what_is_made_from_a_stale_file_is_made_after_it() {
    let folder = fresh();
    folder.write("sub/template.proto", TEMPLATE.replace("text = 1", "text = 9"));
    let out = folder.done(&["check", "--write"]);
    assert_eq!(
        out,
        "wrote sub/service.proto\nwrote made.yaml\n4 generated files are up to date, 0 golden cases hold\n"
    );
    folder.done(&["check"]);
}

#[test]
fn a_file_that_is_made_from_itself() {
    let folder = Folder::new();
    folder.write("config.proto", CONFIG);
    let part = folder.done(&["doc", "config.proto"]).replace("doc config.proto", "doc README.md");
    folder.write("README.md", part);
    assert!(folder.refused(&["check", "--write"]).starts_with("README.md: `mixgen doc README.md` fails: "));
}

#[test]
fn edits_of_generated_files_are_found() {
    for name in ["made.yaml", "sub/service.proto", "sub/x.yaml"] {
        let folder = fresh();
        let text = folder.read(name);
        folder.write(name, format!("{text}\n# more\n"));
        let error = folder.refused(&["check", name]);
        assert_eq!(
            error,
            format!("{name}: is stale: its sources make something else; run `mixgen check --write` on it\n")
        );
        folder.done(&["check", name, "--write"]);
        assert_eq!(folder.read(name), text);
    }
}

#[test]
fn a_source_that_is_gone_or_broken() {
    let folder = fresh();
    fs::remove_file(folder.path().join("config.proto")).unwrap();
    let error = folder.refused(&["check"]);
    assert!(error.contains("README.md: `mixgen doc config.proto` fails: cannot read"), "{error}");
    assert!(error.contains("sub/x.yaml: `mixgen adapter "), "{error}");
    folder.write("sub/template.proto", "junk");
    assert!(folder.refused(&["check"]).contains("sub/template.proto:1: expected"));
}

#[test]
fn commands_that_make_nothing() {
    let head = |command: &str| {
        format!("# Made by mixgen, do not edit; `mixgen check --write` makes it again with:\n# {command}\n")
    };
    for (command, part) in [
        ("mixgen check .", "it is no command that makes one file"),
        ("mixgen new template x", "it is no command that makes one file"),
        ("mixgen template", "`mixgen template` fails"),
        ("mixgen nosuch", "nosuch"),
        ("mixgen template -d 'x", "its quotes do not match"),
        ("", "`` fails"),
    ] {
        let folder = Folder::with(&[("x.yaml", &head(command))]);
        let error = folder.refused(&["check"]);
        assert!(error.starts_with("x.yaml: ") && error.contains(part), "{command}: {error}");
    }
}

#[test]
fn nothing_to_check_is_a_failure() {
    let folder = Folder::with(&[("other.yaml", "not: ours\n"), ("README.md", "# Title\n")]);
    assert!(folder.refused(&["check"]).starts_with("nothing to check"));
    for name in ["other.yaml", "README.md"] {
        let error = folder.refused(&["check", name]);
        assert!(error.starts_with(&format!("{name}: does not say that mixgen made it")), "{error}");
    }
    assert!(folder.refused(&["check", "nosuch"]).starts_with("cannot find nosuch"));
}

#[test]
fn golden_cases() {
    let folder = Folder::with(&[("template.proto", TEMPLATE)]);
    folder.write("golden.yaml", "cases: [{ name: c, params: { text: '\"a\"' }, instance: { text: a } }]");
    assert_eq!(folder.done(&["check"]), "0 generated files are up to date, 1 golden cases hold\n");
    folder.write("golden.yaml", "cases: [{ name: c, params: { text: '\"a\"' }, instance: { text: b } }]");
    assert!(folder.refused(&["check"]).starts_with("golden.yaml: case \"c\": expected {\"text\":\"b\"}"));
    folder.write("golden.yaml", "cases: []");
    assert!(folder.refused(&["check"]).contains("there is no case"));
    fs::remove_file(folder.path().join("template.proto")).unwrap();
    folder.write("golden.yaml", "cases: [{ name: c, instance: {} }]");
    assert!(folder.refused(&["check"]).contains("cannot read template.proto"));
}

#[test]
fn imports_of_golden_cases() {
    let import = TEMPLATE.replace("// What it is.", "import \"far/other.proto\";");
    let folder = Folder::with(&[
        ("a/template.proto", &import),
        ("b/far/other.proto", "syntax = \"proto3\"; package far;"),
    ]);
    folder.write("a/golden.yaml", "cases: [{ name: c, instance: {} }]");
    assert!(folder.refused(&["check", "a"]).contains("import 'far/other.proto' not found"));
    folder.done(&["check", "a", "-I", "b"]);
    folder.done(&["template", "-d", "a/template.proto", "-n", "x", "-o", "a/template.yaml", "-I", "b"]);
    assert!(folder.read("a/template.yaml").contains("-n x -I ../b\n"));
    folder.done(&["check", "a/template.yaml"]);
}
