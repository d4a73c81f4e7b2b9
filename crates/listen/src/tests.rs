//! Addresses as flags write them, and sockets that are there already.

use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: Option<ListenAddress>) {
    assert_eq!(text.parse::<ListenAddress>().ok(), expected, "{text}");
}

#[test]
fn addresses() {
    let tcp = |address: &str| Some(ListenAddress::Tcp(address.to_owned()));
    check("tcp://127.0.0.1:9092", tcp("127.0.0.1:9092"));
    check("127.0.0.1:0", tcp("127.0.0.1:0"));
    check("localhost:9092", tcp("localhost:9092"));
    check("tcp6://[::1]:9092", tcp("[::1]:9092"));
    check(":9092", Some(ListenAddress::AnyHost(9092)));
    check("tcp://*:9092", Some(ListenAddress::AnyHost(9092)));
    check("unix:///run/mixs.sock", Some(ListenAddress::Unix("/run/mixs.sock".into())));
    check("unix://", None);
    check("udp://127.0.0.1:1", None);
    check("localhost", None);
    check("localhost:port", None);
    check("", None);
}

#[tokio::test]
async fn port_0_becomes_a_number() {
    for address in ["127.0.0.1:0", "localhost:0"] {
        let listener = address.parse::<ListenAddress>().unwrap().bind("tests").await.unwrap();
        let ListenAddress::Tcp(bound) = listener.local_address().unwrap() else { panic!("not TCP") };
        assert_ne!(bound.parse::<SocketAddr>().unwrap().port(), 0);
    }
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_purpose_and_address() {
    let first = ListenAddress::Tcp("127.0.0.1:0".to_owned()).bind("tests").await.unwrap();
    let address = first.local_address().unwrap();
    let error = address.bind("gRPC").await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen for gRPC on {address}: ")), "{error}");
}

#[tokio::test]
async fn a_stale_socket_file_is_replaced_and_removed_in_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mixs.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "std leaves the file behind");
    let listener = ListenAddress::Unix(path.clone()).bind("tests").await.unwrap();
    UnixStream::connect(&path).await.unwrap();
    drop(listener);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_socket_in_use_and_a_file_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mixs.sock");
    let _first = ListenAddress::Unix(path.clone()).bind("tests").await.unwrap();
    assert!(ListenAddress::Unix(path.clone()).bind("tests").await.is_err());
    assert!(path.exists());
    let file = directory.path().join("file");
    std::fs::write(&file, "precious").unwrap();
    assert!(ListenAddress::Unix(file.clone()).bind("tests").await.is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}

proptest! {
    #[test]
    fn an_address_that_is_written_reads_the_same(text in "[a-z0-9.:/*\\[\\]-]{0,24}") {
        if let Ok(address) = text.parse::<ListenAddress>() {
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }
    }
}
