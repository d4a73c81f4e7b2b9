//! Remote write over TLS: which authorities are trusted, and which certificate is shown.

use std::path::Path;
use std::time::Duration;

use mixer_testkit::pki::Authority;
use mixer_testkit::{FakeRemoteWrite, Knows};

use super::remote_write::{expected_lines, lines, reported, written};
use super::support::*;

/// Test machines may be slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes an authority, and a certificate of its with the key.
fn write(folder: &Path, name: &str, authority: &Authority) {
    let issued = authority.issue(&["mixer.example.com"]).unwrap();
    std::fs::write(folder.join(name), authority.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.own")), issued.chain).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), issued.key).unwrap();
}

#[tokio::test]
async fn a_receiver_is_trusted_and_told_who_we_are_as_the_files_say() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (Authority::new("ours").unwrap(), Authority::new("other").unwrap());
    write(folder.path(), "ours", &ours);
    write(folder.path(), "other", &other);
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let check = async |ca: &str, own: Option<&str>, mutual: bool, works: bool| {
        let tls = ours.acceptor(mutual.then_some(&ours)).unwrap();
        let fake = FakeRemoteWrite::start_with(Knows::Both, Some(tls)).await.unwrap();
        assert!(fake.url().starts_with("https://"));
        let mut to = send_to(&fake.url());
        if !ca.is_empty() {
            to.ca_file = file(ca);
        }
        if let Some(own) = own {
            to.client_certificate_file = file(&format!("{own}.own"));
            to.client_key_file = file(&format!("{own}.key"));
        }
        let shown = format!("{ca:?} {own:?} {mutual}");
        let (_adapter, handler) = reported(vec![to]).await;
        let tested = handler.self_test().await;
        assert_eq!(tested.is_ok(), works, "{shown}: {tested:?}");
        match tested {
            Ok(()) => {
                tokio::time::timeout(PATIENCE, handler.close()).await.unwrap();
                let mut wanted = expected_lines();
                wanted.push("__name__=mixer_self_test,selftest=true 1".to_owned());
                wanted.sort();
                assert_eq!(lines(&written(&fake.seen())), wanted, "{shown}");
            }
            Err(error) => {
                let error = error.to_string();
                let named =
                    error.contains("remote_write to https://localhost") && error.contains("no answer");
                assert!(named, "{shown}: {error}");
                // What a receiver says of our certificate may be cut off by the end of the connection.
                assert!(mutual || error.contains("certificate"), "{shown}: {error}");
                assert_eq!(fake.seen(), [], "{shown}");
            }
        }
    };
    check("ours", None, false, true).await;
    check("other", None, false, false).await;
    // Those of the system do not know it.
    check("", None, false, false).await;
    check("ours", None, true, false).await;
    check("ours", Some("other"), true, false).await;
    check("ours", Some("ours"), true, true).await;
}
