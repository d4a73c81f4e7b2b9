//! The walkthrough is true: its files and commands, in order and in one shell, give the output that it shows, with real
//! processes of `mixs`, the new adapter and `mixc`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::program::{Folder, workspace};

/// A reader writes no more than this.
const MOST_LINES: usize = 30;

/// What stands in the document for what differs from run to run.
const PORTS: [&str; 4] = ["9080", "9180", "9091", "15014"];
const HOME: &str = "/home/you";

/// Written between the outputs of commands.
const MARK: &str = "@@@ exit code";

enum Step {
    /// A file below the home folder.
    File(String, String),
    /// A command with its output.
    Command(String, String),
}

fn steps(document: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    // Every second part of the text between fences is a block.
    for block in document.split("\n```").skip(1).step_by(2) {
        let (kind, content) = block.split_once('\n').unwrap();
        match kind.split_once(' ') {
            Some((_, file)) => steps.push(Step::File(file.to_owned(), format!("{content}\n"))),
            None if kind == "console" => {
                for step in format!("\n{content}").split("\n$ ").skip(1) {
                    let (command, output) = step.split_once('\n').unwrap_or((step, ""));
                    steps.push(Step::Command(command.to_owned(), output.to_owned()));
                }
            }
            None => assert_eq!(kind, "sh", "a block that the test does not know"),
        }
    }
    steps
}

/// Whether lines are those that are expected; a line `...` stands for any lines, `...` in the end for any rest of one.
fn agrees(expected: &[&str], found: &[&str]) -> bool {
    let Some((first, rest)) = expected.split_first() else { return found.is_empty() };
    if *first == "..." {
        return (0..=found.len()).any(|skipped| agrees(rest, &found[skipped..]));
    }
    let Some((line, others)) = found.split_first() else { return false };
    let same = match first.strip_suffix("...") {
        Some(start) => line.starts_with(start),
        None => line == first,
    };
    same && agrees(rest, others)
}

#[test]
fn outputs_are_compared() {
    assert!(agrees(&["a", "...", "b: ..."], &["a", "x", "y", "b: 1"]));
    assert!(agrees(&["...", "a"], &["a"]));
    for (expected, found) in
        [("a", "b"), ("...\na", "a\nb"), ("a\n...", "b"), ("a", ""), ("", "a"), ("a...", "b")]
    {
        let lines = |text: &'static str| text.lines().collect::<Vec<_>>();
        assert!(!agrees(&lines(expected), &lines(found)), "{expected:?} {found:?}");
    }
}

/// The folder of the programs when all of them were built, which a plain `cargo test -p mixgen` does not do.
fn programs() -> Option<PathBuf> {
    let bin = Path::new(env!("CARGO_BIN_EXE_mixgen")).parent().unwrap().to_path_buf();
    let built = ["mixs", "mixc"].iter().all(|name| bin.join(name).is_file());
    if !built {
        let required = std::env::var_os(mixer_harness::REAL).is_some() || std::env::var_os("CI").is_some();
        assert!(!required, "mixs and mixc are not built");
        println!("skipped: build mixs and mixc, or run `cargo xtask test`");
    }
    built.then_some(bin)
}

/// What cargo tells the tests that it runs. Build scripts look at some of it, and would run again.
const OF_TESTS: [&str; 6] =
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_", "NEXTEST"];

/// Cargo as in the tests' own build: the same target folder, so that dependencies are compiled once.
pub(crate) fn with_cargo(command: &mut Command) {
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if OF_TESTS.iter().any(|start| name.starts_with(start))
            || name == "CARGO"
            || name == "LD_LIBRARY_PATH"
        {
            command.env_remove(&variable);
        }
    }
    let bin = Path::new(env!("CARGO_BIN_EXE_mixgen")).parent().unwrap();
    command.env("CARGO_TARGET_DIR", bin.parent().unwrap()).env("CARGO_NET_OFFLINE", "true");
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    for (variable, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        if std::env::var_os(variable).is_none() && home.join(folder).is_dir() {
            command.env(variable, home.join(folder));
        }
    }
}

/// Runs commands in one shell, and gives exit code and output of each.
fn run(home: &Path, bin: &Path, commands: &[String]) -> Vec<(String, String)> {
    let mut script = "exec 2>&1; trap 'kill -KILL $(jobs -p) 2>/dev/null' EXIT\n".to_owned();
    for command in commands {
        script += &format!("{command}\nprintf '\\n{MARK} %s\\n' $?\n");
    }
    fs::write(home.join("script"), script).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.arg(home.join("script")).current_dir(workspace()).stdin(Stdio::null());
    with_cargo(&mut shell);
    // How fast the program in the image is does not matter here, and how soon it is compiled does.
    shell.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0").env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    let output = shell.env("HOME", home).env("PATH", path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut results = Vec::new();
    let mut rest = text.as_str();
    while let Some((output, after)) = rest.split_once(&format!("\n{MARK} ")) {
        let (code, after) = after.split_once('\n').unwrap();
        results.push((code.to_owned(), output.to_owned()));
        rest = after;
    }
    results
}

#[test]
fn the_walkthrough_is_true() {
    let Some(bin) = programs() else { return };
    let document = fs::read_to_string(workspace().join("docs/walkthrough.md")).unwrap();
    let folder = Folder::new();
    let ports = mixer_harness::free_ports::<4>().unwrap().map(|port| port.to_string());
    let (mut commands, mut expected, mut written) = (Vec::new(), Vec::new(), 0);
    for step in steps(&document) {
        match step {
            Step::Command(command, output) => {
                let here =
                    PORTS.iter().zip(&ports).fold(command.clone(), |c, (shown, port)| c.replace(shown, port));
                // Cargo starts a program when the other tests let it.
                let here = here.replace("--retry 60", "--retry 1800");
                commands.push(here);
                // Where cargo puts programs unless it is told otherwise, as it is here.
                let folder = if command == "cd ~/tally" { "ln -s $CARGO_TARGET_DIR target" } else { ":" };
                commands.push(folder.to_owned());
                expected.extend([(command, output), (folder.to_owned(), String::new())]);
            }
            // The files are written by the shell, each in its turn.
            Step::File(file, content) => {
                written += content.lines().count();
                folder.write(&format!("files/{file}"), content);
                let copy = format!("cp {0}/files/{file} {0}/{file}", folder.path().display());
                commands.push(copy.clone());
                expected.push((copy, String::new()));
            }
        }
    }
    assert!(written > 0 && written <= MOST_LINES, "the author writes {written} lines");
    let results = run(folder.path(), &bin, &commands);
    for ((command, output), (code, found)) in expected.iter().zip(&results) {
        let home = folder.path().display().to_string();
        let found = PORTS
            .iter()
            .zip(&ports)
            .fold(found.replace(&home, HOME), |f, (shown, port)| f.replace(port, shown));
        let logs =
            ["tally/tally.log", "tally/mixs.log"].map(|log| fs::read_to_string(folder.path().join(log)));
        assert_eq!(code, "0", "$ {command}\n{found}\n{logs:?}");
        let (output, found) = (output.trim(), found.trim());
        let same = agrees(&output.lines().collect::<Vec<_>>(), &found.lines().collect::<Vec<_>>());
        assert!(same, "$ {command}\nexpected:\n{output}\nfound:\n{found}\n{logs:?}");
    }
    assert_eq!(results.len(), commands.len(), "every command has run");
    assert!(commands.len() > 15, "the walkthrough has commands");
}
