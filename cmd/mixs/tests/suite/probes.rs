//! `mixs probe` against a running server, through a file and over gRPC.

use crate::program::{ConfigDir, Program, output, text};

/// Whether the probe finds the server well; what it prints says why not.
fn probe(args: &[&str]) -> Result<(), String> {
    let output = output(&[&["probe"], args].concat());
    match output.status.code() {
        Some(0) => {
            assert_eq!(text(&output.stdout), "OK\n");
            Ok(())
        }
        code => {
            assert_eq!(code, Some(1));
            Err(text(&output.stderr))
        }
    }
}

#[test]
fn files_are_kept_while_the_server_is_well() {
    let directory = ConfigDir::new("");
    let (live, ready) = (directory.join("live"), directory.join("ready"));
    let flags = [
        format!("--livenessProbePath={}", live.display()),
        format!("--readinessProbePath={}", ready.display()),
        "--livenessProbeInterval=30s".to_owned(),
        "--readinessProbeInterval=30s".to_owned(),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let path = |path: &std::path::Path| format!("--probe-path={}", path.display());
    assert!(probe(&[&path(&live), "--interval=30s"]).unwrap_err().contains("fail on inspecting path"));
    let mut program = Program::start(&[&flags[..], &["--drainDuration=60s"]].concat()).ready();
    for file in [&live, &ready] {
        while !file.exists() {
            std::thread::yield_now();
        }
        probe(&[&path(file), "--interval=30s"]).unwrap();
    }
    program.signal("TERM");
    program.wait_for("draining");
    while ready.exists() {
        std::thread::yield_now();
    }
    probe(&[&path(&live), "--interval=30s"]).expect("a draining server lives");
    program.signal("TERM");
    let (status, log, _) = program.end();
    assert_eq!(status.code(), Some(0), "{log:#?}");
    assert!(!live.exists());
}

#[test]
fn the_health_service_is_asked_by_address() {
    let mut program = Program::start(&["--drainDuration=60s"]).ready();
    let address = format!("--address={}", program.grpc());
    while probe(&[&address, "--timeout=10s"]).is_err() {
        std::thread::yield_now();
    }
    program.signal("TERM");
    program.wait_for("draining");
    let complaint = loop {
        if let Err(complaint) = probe(&[&address, "--timeout=10s"]) {
            break complaint;
        }
    };
    assert!(complaint.contains("/readyz"), "{complaint}");
    program.signal("INT");
    program.end();
    assert!(probe(&[&address, "--timeout=10s"]).unwrap_err().contains("cannot connect"));
}

#[test]
fn options_that_make_no_sense() {
    assert!(probe(&["--probe-path=/x", "--interval=0s"]).unwrap_err().contains("--interval"));
}
