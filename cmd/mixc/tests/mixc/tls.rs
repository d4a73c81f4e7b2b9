//! Calls over TLS: who is trusted, who has to answer, and who calls.

use std::path::Path;

use mixer_testkit::pki::Authority;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use crate::fake::{Answer, Run, run_alone, run_over_tls};

const MIXS: &str = "spiffe://cluster.local/ns/istio-system/sa/mixs";

/// A run against a server with these names, which asks for a certificate.
async fn run(folder: &Path, names: &[&str], args: &[&str]) -> Run {
    let authority = Authority::new("one").unwrap();
    let (server, client) = (authority.issue(names).unwrap(), authority.issue(&["mixc"]).unwrap());
    for (name, content) in [("ca", authority.pem()), ("certificate", client.chain), ("key", client.key)] {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(server.chain, server.key))
        .client_ca_root(Certificate::from_pem(authority.pem()));
    let path = |flag: &str, name: &str| format!("--tls_{flag}={}", folder.join(name).display());
    let files = [path("ca", "ca"), path("certificate", "certificate"), path("key", "key")];
    let mut all = vec!["check", "--tls"];
    all.extend(files.iter().map(String::as_str));
    all.extend(args);
    run_over_tls(tls, Answer::Check(Box::default()), &all).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_has_to_be_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let passes = async |names: &[&str], args: &[&str]| run(folder.path(), names, args).await;
    for (names, args) in [
        (&["127.0.0.1"][..], &[][..]),
        (&["mixs.example.com"], &["--tls_server_name=mixs.example.com"]),
        (&[MIXS], &["--tls_allowed_server=spiffe://cluster.local/ns/istio-system/*"]),
    ] {
        let run = passes(names, args).await;
        assert_eq!((run.code, run.seen.checks.len()), (0, 1), "{names:?}: {} {}", run.stdout, run.stderr);
    }
    let run = passes(&[MIXS], &["--tls_allowed_server=spiffe://other.org"]).await;
    let text = run.stdout + &run.stderr;
    assert_eq!((run.code, run.seen.checks.len()), (1, 0), "{text}");
    assert!(text.contains(MIXS) && text.contains("spiffe://other.org"), "{text}");
}

#[test]
fn files_and_addresses_that_cannot_be_used_are_named() {
    for (args, part) in [
        (&["check", "--tls", "--tls_ca=/nowhere/ca.pem"][..], "/nowhere/ca.pem cannot be used"),
        (&["check", "--tls", "--mixer=unix:///run/mixs.sock"], "host:port"),
        (&["check", "--tls_ca=/nowhere/ca.pem"], "--tls"),
    ] {
        let run = run_alone(args);
        assert!(run.code != 0 && run.stderr.contains(part), "{args:?}: {}", run.stderr);
    }
}
