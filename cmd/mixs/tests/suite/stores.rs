//! Where configuration comes from, and clear errors when it cannot.

use crate::program::{Program, mixs, text};

fn refused(args: &[&str], cluster: bool, words: &[&str]) {
    let mut command = mixs(&["server"]);
    command.args(args);
    if cluster {
        command.env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    }
    let output = command.output().unwrap();
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(words.iter().all(|word| complaint.contains(word)), "{complaint}");
}

#[test]
fn stores_that_this_version_does_not_read() {
    let advice = ["--configStoreURL=fs:///", "--configStoreURL=builtin://"];
    refused(&["--webhookAddress=127.0.0.1:0"], false, &["--webhookAddress", "--configStoreURL=k8s://"]);
    refused(&["--configStoreURL=mcp://galley:9901"], false, &["Mesh Configuration Protocol", advice[0]]);
    refused(&["--configStoreURL=ftp://x"], false, &["unknown config URL", advice[0]]);
}

#[test]
fn a_cluster_that_cannot_be_found() {
    let words = ["no Kubernetes cluster", "k8s:///absolute/path/of/kubeconfig"];
    refused(&[], true, &words);
    refused(&["--configStoreURL=k8s://"], false, &words);
    refused(&["--configStoreURL=k8s:///no/such/kubeconfig"], false, &["/no/such/kubeconfig"]);
}

#[test]
fn a_directory_that_is_not_there_is_waited_for_and_then_named() {
    let missing = "--configStoreURL=fs:///no/such/directory";
    let ports = ["--address=127.0.0.1:0", "--monitoringAddress=127.0.0.1:0"];
    let args = [ports[0], ports[1], missing, "--configWaitTimeout=200ms"];
    refused(&args, false, &["/no/such/directory", "--configWaitTimeout", "200ms"]);
}

#[test]
fn the_built_in_set_can_be_asked_for_in_a_cluster() {
    Program::start(&["--configStoreURL=builtin://"]).ready().wait_for("the built-in configuration");
}

#[test]
fn a_taken_port_is_named() {
    let mut program = Program::start(&[]).ready();
    let taken = format!("--address={}", program.grpc());
    refused(&[&taken], false, &["cannot listen for gRPC on 127.0.0.1:"]);
}
