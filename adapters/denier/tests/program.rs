//! What the program says of itself is for the people who run it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

#[test]
fn help_begins_with_what_the_adapter_does() {
    let output = Command::new(env!("CARGO_BIN_EXE_mixer-denier-adapter")).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let description = mixer_denier_adapter::adapter().info().description;
    assert!(help.starts_with(description.trim_end_matches('.')), "{help}");
}
