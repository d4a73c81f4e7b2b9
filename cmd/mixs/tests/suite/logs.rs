//! The log: levels, JSON, files.

use crate::program::{ConfigDir, Program};

#[test]
fn one_json_object_a_line() {
    let mut program = Program::start(&["--log_as_json", "--drainDuration=0s"]).ready();
    program.signal("TERM");
    program.wait_for("stopped");
    let (_, log, _) = program.end();
    for line in &log {
        let value: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(value["message"].is_string() && value["level"].is_string() && value["timestamp"].is_string());
    }
}

#[test]
fn a_file_gets_every_line_too() {
    let directory = ConfigDir::new("");
    let file = directory.join("mixs.log");
    let target = format!("--log_target={}", file.display());
    let program = Program::start(&["--log_target=stderr", &target, "--drainDuration=0s"]).ready();
    program.signal("TERM");
    let (_, log, _) = program.end();
    let written = std::fs::read_to_string(file).unwrap();
    assert_eq!(written.lines().collect::<Vec<_>>(), log);
}

#[test]
fn levels_by_scope() {
    let directory = ConfigDir::new("rule broken {match: nonsense(}");
    let flags = ["--log_output_level=default:error", &directory.flag(), "--drainDuration=0s"];
    let mut program = Program::start(&flags);
    program.wait_for("broken");
    program.signal("TERM");
    let (status, log, _) = program.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.iter().all(|line| line.contains(" ERROR ")), "{log:#?}");
}
