//! `mixs validate` with the adapters that the server really hosts: own cases, and the configuration that operators
//! of the original used when it is beside the project.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test says when it is skipped")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Exit code and standard output.
fn validate(arguments: &[&str], input: &str) -> (i32, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_mixs"))
        .arg("validate")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    program.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = program.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn fixtures() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/istio-1.3.8");
    if !root.is_dir() {
        println!("skipped: ../shared is not beside the project");
        return None;
    }
    Some(root)
}

#[test]
fn standard_input() {
    let good = "apiVersion: config.istio.io/v1alpha2\nkind: handler\nmetadata: {name: deny, namespace: shop}\n\
                spec: {compiledAdapter: denier, params: {status: {code: 7}}}\n";
    assert_eq!(validate(&["-"], good), (0, "1 file, 1 resource: 0 errors, 0 warnings, 0 notes\n".to_owned()));
    let (code, text) = validate(&["-"], &good.replace("code: 7", "cod: 7"));
    assert_eq!(code, 1);
    assert!(text.starts_with("<stdin>:4:51: error: handler shop/deny: spec.params.status.cod: "), "{text}");
    assert!(text.ends_with("1 file, 1 resource: 1 error, 0 warnings, 0 notes\n"), "{text}");
}

#[test]
fn every_problem_of_a_directory_in_one_run() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write(
        "b.yaml",
        "apiVersion: config.istio.io/v1alpha2\nkind: rul\nmetadata: {name: r, namespace: shop}\n",
    );
    write("a.yaml", "a: [b\n");
    let (code, text) = validate(&[directory.path().to_str().unwrap()], "");
    let root = format!("{}/", directory.path().display());
    assert_eq!(code, 1);
    assert_eq!(
        text.replace(&root, ""),
        "a.yaml:1:4: error: the document is not valid YAML: unclosed bracket '['\n\
         b.yaml:1:1: error: rul shop/r: kind: the group config.istio.io has no kind \"rul\"; did you mean rule?\n\
         2 files, 1 resource: 2 errors, 0 warnings, 0 notes\n"
    );
}

#[test]
fn compatibility_and_default_namespace_are_flags() {
    let text =
        "apiVersion: config.istio.io/v1alpha2\nkind: checknothing\nmetadata: {name: n, namespace: mesh}\n";
    let (code, out) = validate(&["--compat=istio-1.3", "--configDefaultNamespace=mesh", "-"], text);
    assert_eq!((code, out.as_str()), (0, "1 file, 1 resource: 0 errors, 0 warnings, 0 notes\n"));
}

#[test]
fn configuration_of_the_original_has_no_problem() {
    let Some(root) = fixtures() else { return };
    for files in [
        &["attributes", "metrics", "tcpmetrics", "prometheus", "accesslog", "tcp_accesslog"][..],
        &["attributes", "listcheck"],
        &["attributes", "quota"],
        &["attributes", "deny", "source_ip_deny", "source_user_filter"],
    ] {
        let paths: Vec<String> =
            files.iter().map(|file| root.join(format!("config/{file}.yaml")).display().to_string()).collect();
        let (code, text) = validate(&paths.iter().map(String::as_str).collect::<Vec<_>>(), "");
        assert_eq!(code, 0, "{text}");
        assert!(text.ends_with(": 0 errors, 0 warnings, 0 notes\n"), "{text}");
    }
}

#[test]
fn the_built_in_configuration_has_no_problem() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/config/builtin");
    let (code, text) = validate(&[directory.to_str().unwrap()], "");
    assert_eq!((code, text.as_str()), (0, "3 files, 20 resources: 0 errors, 0 warnings, 0 notes\n"));
}
