//! `--selfTest`: what is served is scraped, and each receiver gets one marked sample.

use std::process::Command;

use mixer_testkit::{FakeRemoteWrite, Knows, Reply};

use super::remote_write::{assert_no_fault, lines, sending, written};
use super::support::*;

#[tokio::test]
async fn one_marked_sample_is_written() {
    for (knows, protocol) in
        [(Knows::Both, Protocol::Auto), (Knows::V1, Protocol::Auto), (Knows::Both, Protocol::V1)]
    {
        let fake = FakeRemoteWrite::start(knows).await.unwrap();
        let mut to = RemoteWrite { protocol: protocol.into(), ..send_to(&fake.url()) };
        to.external_labels = [("region".to_owned(), "eu".to_owned())].into();
        let adapter = adapter();
        let handler = build(&adapter, "h", &sending(vec![to])).await.unwrap();
        handler.self_test().await.unwrap();
        handler.close().await;
        let seen = fake.seen();
        assert_no_fault(&seen);
        assert_eq!(lines(&written(&seen)), ["__name__=mixer_self_test,region=eu,selftest=true 1"]);
    }
}

#[tokio::test]
async fn what_the_receiver_does_not_write_is_told() {
    for (reply, wanted) in [
        (Reply::Status(401, None), "the backend answered 401"),
        (Reply::Status(429, Some(7)), "the backend answered 429"),
        (Reply::Status(503, None), "the backend answered 503"),
        (Reply::Status(413, None), "too large"),
        (Reply::Partly(0), "the backend answered 400"),
    ] {
        let (good, bad) = (
            FakeRemoteWrite::start(Knows::Both).await.unwrap(),
            FakeRemoteWrite::start(Knows::Both).await.unwrap(),
        );
        bad.script(reply);
        let adapter = adapter();
        let handler =
            build(&adapter, "h", &sending(vec![send_to(&bad.url()), send_to(&good.url())])).await.unwrap();
        let error = handler.self_test().await.unwrap_err().to_string();
        assert!(error.contains(&bad.url()) && error.contains(wanted), "{reply:?}: {error}");
        assert_eq!((bad.seen().len(), good.seen().len()), (1, 1), "the other one is tried too");
        handler.close().await;
    }
}

/// Runs the program, and returns whether it was content and what it said.
async fn program(params: &str, address: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("params.yaml");
    std::fs::write(&file, params).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_mixer-prometheus-adapter"));
    program.arg(format!("--prometheusAddress={address}")).args(["--selfTest", "--params"]).arg(&file);
    let output = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn a_handler_that_is_scraped_says_what_and_where() {
    let metric = |name: &str| format!("{{name: {name}, instance_name: {name}.instance.ns, kind: COUNTER}}");
    let params = format!("metrics: [{}, {}]\n", metric("two_total"), metric("one_total"));
    let (good, said) = program(&params, "127.0.0.1:0").await;
    assert!(good, "{said}");
    for part in ["/metrics answers 200", "[istio_one_total, istio_two_total]", "http://127.0.0.1:"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("mixer_self_test"), "{said}");

    let fake = FakeRemoteWrite::start(Knows::Both).await.unwrap();
    let params = format!("{params}remote_write: [{{url: '{}'}}]\n", fake.url());
    let (good, said) = program(&params, "127.0.0.1:0").await;
    assert!(good && said.contains("one sample of mixer_self_test was written"), "{said}");
    assert!(said.contains("the receiver answered 204 by Remote-Write 2.0"), "{said}");
    assert_eq!(fake.seen().len(), 1);

    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (good, said) = program(&params, &taken.local_addr().unwrap().to_string()).await;
    assert!(!good && said.contains("could not be built"), "{said}");
}
