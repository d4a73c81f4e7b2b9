//! Without a configuration store: the built-in set, and a clean end.

use crate::program::{ConfigDir, Program};

#[test]
fn the_built_in_configuration_serves_and_ends_with_code_0() {
    let mut program = Program::start(&["--drainDuration=0s"]).ready();
    assert_eq!(program.get("/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(program.get("/version").0, 200);
    let (_, metrics) = program.get("/metrics");
    assert!(metrics.contains("\nmixer_config_rule_configs_total 6\n"), "{metrics}");
    assert!(metrics.contains("\nmixer_config_errors 0\n"), "{metrics}");
    program.wait_for("configuration comes from the built-in configuration");
    program.wait_for("configuration in force: 90 attributes");
    program.signal("TERM");
    let (status, log, printed) = program.end();
    assert_eq!(status.code(), Some(0), "{log:#?}");
    assert_eq!(printed, "", "standard output belongs to the stdio adapter");
    assert!(!log.iter().any(|line| line.contains(" ERROR ") || line.contains(" WARN ")), "{log:#?}");
}

#[test]
fn the_next_step_is_a_command() {
    let mut program = Program::start(&[]).ready();
    let address = program.grpc();
    program.wait_for(&format!("mixc check -m {address} "));
}

#[test]
fn flags_without_effect_are_one_line() {
    let directory = ConfigDir::new("");
    let flags = ["--profile=false", "--ctrlz_port=9876", "--log_rotate_max_age=3", &directory.flag()];
    let mut program = Program::start(&flags).ready();
    let line = program.wait_for("flags without effect: --profile, --ctrlz_port");
    assert!(line.contains("WARN"), "{line}");
    program.wait_for("flags without effect: --log_rotate_max_age");
}
