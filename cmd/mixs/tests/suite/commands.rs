//! Commands that end by themselves, and what their exit codes say.

use crate::program::{output, text};

/// Exit code, and words of what is printed to standard output and standard error.
fn check(args: &[&str], code: i32, printed: &[&str], complained: &[&str]) {
    let output = output(args);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {out}{err}");
    assert!(printed.iter().all(|word| out.contains(word)), "{args:?}: {out}");
    assert!(complained.iter().all(|word| err.contains(word)), "{args:?}: {err}");
    assert_eq!(err.is_empty(), complained.is_empty(), "{args:?}: {err}");
}

#[test]
fn version() {
    let version = env!("CARGO_PKG_VERSION");
    check(&["version"], 0, &["mixs ", version], &[]);
    check(&["version", "-s"], 0, &[&format!("{version}\n")], &[]);
    check(&["version", "-o", "json"], 0, &["\"clientVersion\"", version], &[]);
    check(&["version", "--output=yaml"], 0, &["clientVersion:\n", version], &[]);
    check(&["--version"], 0, &[version], &[]);
}

#[test]
fn help_knows_every_command() {
    check(&["--help"], 0, &["server", "probe", "expr", "version"], &[]);
    check(&["server", "--help"], 0, &["--configStoreURL", "--loadsheddingMode", "--drainDuration"], &[]);
}

#[test]
fn a_wrong_command_line_is_code_2() {
    check(&["serve"], 2, &[], &["unrecognized subcommand"]);
    check(&["server", "--nonsense"], 2, &[], &["--nonsense"]);
    check(&["server", "--maxMessageSize=0"], 2, &[], &["--maxMessageSize"]);
    check(&["version", "-o", "xml"], 2, &[], &["xml"]);
    check(&["probe"], 2, &[], &["--probe-path"]);
}
