//! `mixs probe` against a running server, through a file and over gRPC.

use mixer_testkit::pki::Authority;

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

const MIXS: &str = "spiffe://cluster.local/ns/istio-system/sa/mixs";

#[test]
fn the_health_service_is_asked_over_mutual_tls() {
    let directory = ConfigDir::new("");
    let authority = Authority::new("one").unwrap();
    let file = |name: &str, content: &str| {
        let path = directory.join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let (server, client) = (authority.issue(&[MIXS]).unwrap(), authority.issue(&["probe"]).unwrap());
    let ca = file("ca.pem", &authority.pem());
    let other = file("other.pem", &Authority::new("other").unwrap().pem());
    let flags = [
        format!("--tlsCertificate={}", file("server.pem", &server.chain)),
        format!("--tlsKey={}", file("server.key", &server.key)),
        format!("--tlsClientCa={ca}"),
    ];
    let mut program = Program::start(&flags.each_ref().map(String::as_str)).ready();
    let grpc = format!("--address={}", program.grpc());
    let own = [
        format!("--tls_certificate={}", file("probe.pem", &client.chain)),
        format!("--tls_key={}", file("probe.key", &client.key)),
    ];
    let own = own.each_ref().map(String::as_str);
    let ask = |ca: &str, more: &[&str]| {
        let ca = format!("--tls_ca={ca}");
        probe(&[&[&grpc[..], "--timeout=10s", "--tls", &ca], more].concat())
    };
    let right = ["--tls_allowed_server=spiffe://cluster.local"];
    while ask(&ca, &[&own[..], &right].concat()).is_err_and(|complaint| complaint.contains("/readyz")) {
        std::thread::yield_now();
    }
    ask(&ca, &[&own[..], &right].concat()).unwrap();
    for (ca, more, part) in [
        (&ca, &[][..], MIXS),
        (&ca, &["--tls_allowed_server=spiffe://other.org"], "spiffe://other.org"),
        (&other, &right, "authority"),
    ] {
        let complaint = ask(ca, &[&own[..], more].concat()).unwrap_err();
        assert!(complaint.contains(part), "{more:?}: {complaint}");
    }
    let complaint = ask(&ca, &right).expect_err("the server wants a certificate");
    assert!(complaint.contains("certificate"), "{complaint}");
    probe(&[&grpc, "--timeout=10s"]).expect_err("the port speaks TLS only");
    program.signal("INT");
    program.end();
}

#[test]
fn options_that_make_no_sense() {
    for (args, part) in [
        (&["--probe-path=/x", "--interval=0s"][..], "--interval"),
        (&["--probe-path=/x", "--interval=1s", "--tls"], "--address"),
        (&["--address=unix:///run/mixs.sock", "--tls"], "host:port"),
        (&["--address=localhost:1", "--tls_ca=/x"], "--tls"),
    ] {
        let output = output(&[&["probe"], args].concat());
        let complaint = text(&output.stderr);
        assert!(!output.status.success() && complaint.contains(part), "{args:?}: {complaint}");
    }
}
