//! Where a server listens, and the text of what goes wrong with it.

use std::sync::Arc;

use mixer_adapter_sdk::{ListenAddress, ServeArgs, Server};
use mixer_proto::template::listentry::HandleListEntryRequest;

use super::toy::{Toy, adapter, call, connect, get, process, quick, run};
use super::varieties::Raw;

#[test]
fn addresses_are_read_and_written() {
    let check = |text: &str, expected: ListenAddress, written: &str| {
        assert_eq!(text.parse(), Ok(expected.clone()), "{text}");
        assert_eq!(expected.to_string(), written);
    };
    check(":9070", ListenAddress::AnyHost(9070), ":9070");
    check("[::]:9070", ListenAddress::AnyHost(9070), ":9070");
    check("tcp://*:1", ListenAddress::AnyHost(1), ":1");
    check("127.0.0.1:0", ListenAddress::Tcp("127.0.0.1:0".into()), "127.0.0.1:0");
    check("[::1]:7", ListenAddress::Tcp("[::1]:7".into()), "[::1]:7");
    check("unix:///run/a.sock", ListenAddress::Unix("/run/a.sock".into()), "unix:///run/a.sock");
    for (bound, text) in [("[::]:7", ":7"), ("0.0.0.0:7", "0.0.0.0:7"), ("[::1]:7", "[::1]:7")] {
        let address: std::net::SocketAddr = bound.parse().unwrap();
        assert_eq!(ListenAddress::from(address).to_string(), text);
    }
    for text in ["", "9070", "host", "host:", ":99999", "unix://", "http://a:1"] {
        let error = text.parse::<ListenAddress>().unwrap_err();
        assert!(error.to_string().contains("unix:///path"), "{error}");
    }
}

#[tokio::test]
async fn a_socket_file_is_served_replaced_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("adapter.sock");
    // Left behind by a process that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let address = ListenAddress::Unix(path.clone());
    let args = ServeArgs { address: Some(address.clone()), ..quick() };
    let server = Server::of(process(), args.clone()).await.unwrap();
    assert_eq!(server.address(), address);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async move { stopped.await.unwrap() }));
    let channel = connect(&address).await;
    call(&channel, "/listentry.HandleListEntryService/HandleListEntry", HandleListEntryRequest::default())
        .await
        .unwrap();

    let taken = Server::of(process(), args).await;
    let error = taken.err().unwrap().to_string();
    assert!(error.contains("unix://") && error.contains("stop the process that holds it"), "{error}");

    stop.send(()).unwrap();
    drop(channel);
    running.await.unwrap().unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let running = run().await;
    let args =
        ServeArgs { monitoring_address: Some(running.monitoring.to_string().parse().unwrap()), ..quick() };
    let taken = Server::of(process(), args).await;
    let error = taken.err().unwrap().to_string();
    assert!(error.contains("monitoring") && error.contains(&running.monitoring.to_string()), "{error}");
}

#[tokio::test]
async fn a_template_that_is_not_shipped_has_to_be_told() {
    let error = Server::bind(adapter(&Arc::new(Toy::default())), quick()).await.err().unwrap();
    assert!(error.to_string().contains("template keyval is not shipped"), "{error}");
}

#[tokio::test]
async fn the_monitoring_port_answers_probes_only_by_get() {
    let running = run().await;
    assert_eq!(get(running.monitoring, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get(running.monitoring, "/nothing").await.0, 404);
    let post = super::toy::request(running.monitoring, "POST", "/healthz").await;
    assert_eq!(post, (405, "use GET\n".to_owned()));
    // The port of HTTP is no port of gRPC, and the other way round.
    let channel = connect(&running.monitoring.to_string().parse().unwrap()).await;
    call(&channel, "/listentry.HandleListEntryService/HandleListEntry", Raw::default()).await.unwrap_err();
}

#[derive(clap::Parser)]
struct Program {
    #[command(flatten)]
    serve: ServeArgs,
}

#[test]
fn flags_are_named_as_those_of_the_server() {
    use clap::Parser as _;
    let parse = |flags: &[&str]| {
        Program::try_parse_from(["adapter"].iter().chain(flags)).map(|program| program.serve)
    };
    let args = parse(&[]).unwrap().with_default_port(9070);
    assert_eq!(args.address, Some(ListenAddress::AnyHost(9070)));
    assert_eq!(args.monitoring_address, Some(ListenAddress::AnyHost(9170)));
    let defaults = ServeArgs { address: args.address.clone(), ..args.clone() };
    assert_eq!(format!("{defaults:?}"), format!("{args:?}"));
    let args = parse(&[
        "--address",
        "unix:///a",
        "--maxMessageSize=5",
        "--handlerIdleTimeout=90s",
        "--logFormat=json",
        "--noMonitoring",
    ])
    .unwrap()
    .with_default_port(9070);
    assert_eq!(args.address, Some(ListenAddress::Unix("/a".into())));
    assert_eq!((args.max_message_size, args.handler_idle_timeout.as_secs()), (5, 90));
    assert!(args.no_monitoring);
    assert!(parse(&["--shutdownGrace=-1s"]).is_err());
    assert!(parse(&["--address=nowhere"]).is_err());
}
