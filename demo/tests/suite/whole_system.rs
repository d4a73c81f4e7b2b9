//! The demo as a test: real Envoy, real Prometheus, `mixs` and the Prometheus adapter as processes; every number agrees
//! and nothing is left running.

use std::process::Command;

use mixer_harness::real_program;

#[test]
fn what_was_sent_is_what_prometheus_counts() {
    let (Some(envoy), Some(prometheus)) =
        (real_program("MIXER_ENVOY").unwrap(), real_program("MIXER_PROMETHEUS").unwrap())
    else {
        println!("skipped: run `cargo xtask test`, which installs Envoy and Prometheus");
        return;
    };
    let mut demo = Command::new(env!("CARGO_BIN_EXE_mixer-demo"));
    demo.arg("--envoy").arg(envoy).arg("--prometheus").arg(prometheus);
    let output = demo.args(["--requests", "180", "--denied", "20"]).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("all numbers agree"), "{stdout}");
}
