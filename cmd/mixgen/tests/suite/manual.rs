//! The manual is true: its files and commands, in order, give the output that it shows.

use crate::program::{Folder, workspace};

/// The output of a command of the manual: `mixgen`, or `ls` of one directory.
fn execute(folder: &Folder, command: &str) -> String {
    let words = shlex::split(command).unwrap();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match &words[..] {
        ["mixgen", arguments @ ..] => {
            let run = folder.run(arguments);
            format!("{}{}", run.out, run.err)
        }
        ["ls", directory] => {
            let entries = std::fs::read_dir(folder.path().join(directory)).unwrap();
            let mut names: Vec<String> =
                entries.map(|entry| format!("{}\n", entry.unwrap().file_name().to_str().unwrap())).collect();
            names.sort();
            names.concat()
        }
        other => panic!("the manual has a command that the test does not know: {other:?}"),
    }
}

#[test]
fn the_manual_is_true() {
    let manual = std::fs::read_to_string(workspace().join("docs/mixgen.md")).unwrap();
    let folder = Folder::new();
    let mut commands = 0;
    // Every second part of the text between fences is a block.
    for block in manual.split("\n```").skip(1).step_by(2) {
        let (kind, content) = block.split_once('\n').unwrap();
        match kind.split_once(' ') {
            Some(("proto", file)) => folder.write(file, format!("{content}\n")),
            None if kind == "console" => {
                for step in format!("\n{content}").split("\n$ ").skip(1) {
                    let (command, expected) = step.split_once('\n').unwrap_or((step, ""));
                    let found = execute(&folder, command);
                    assert_eq!(found.trim_end(), expected.trim_end(), "$ {command}");
                    commands += 1;
                }
            }
            // Golden cases of the manual's template.
            None if kind == "yaml" => {
                folder.write("cart/golden.yaml", content);
                folder.done(&["check", "cart/golden.yaml"]);
            }
            _ => panic!("a block that the test does not know: {kind}"),
        }
    }
    assert_eq!(commands, 10);
}
