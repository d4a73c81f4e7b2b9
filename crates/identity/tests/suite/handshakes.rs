//! Who is let in, who is refused and what both sides say of it.

use mixer_identity::{Accepted, ClientPolicy, Expected, Reason, ServerOptions, ServerTls};
use mixer_testkit::pki::Validity;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{ADAPTER, MIXER, PATIENCE, Side, authority, host, ids, meet};

/// One handshake.
struct Case {
    client: Option<(&'static [&'static str], Validity)>,
    server: (&'static [&'static str], Validity),
    /// Whether the sides know each other's authority: the server the client's, the client the server's.
    known: (bool, bool),
    allowed: &'static [&'static str],
    expected: Expected,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            client: Some((&[MIXER], Validity::Now)),
            server: (&[ADAPTER, "localhost"], Validity::Now),
            known: (true, true),
            allowed: &[],
            expected: Expected::Ids(ids(&[ADAPTER])),
        }
    }
}

/// The reasons that server and client give, and what their texts must say.
async fn check(case: Case, server: Option<(Reason, &[&str])>, client: Option<(Reason, &[&str])>) {
    let (good, bad) = (authority("good"), authority("bad"));
    let own = case.client.map(|(names, validity)| good.issue_for(names, validity).unwrap());
    let client_side = Side::new(own.as_ref(), &[if case.known.1 { &good } else { &bad }]);
    let (names, validity) = case.server;
    let own = good.issue_for(names, validity).unwrap();
    let server_side = Side::new(Some(&own), &[if case.known.0 { &good } else { &bad }]);
    let serving = server_side.follow().await.server(ClientPolicy::Certificate(ids(case.allowed)));
    let calling = client_side.follow().await.client(case.expected);
    let (by_server, by_client) = meet(&serving, &calling).await;
    for (side, found, expected) in [("server", by_server, server), ("client", by_client, client)] {
        let text = format!("{side}: {found:?}");
        assert_eq!(
            found.as_ref().map(|refused| refused.reason),
            expected.map(|(reason, _)| reason),
            "{text}"
        );
        for word in expected.map(|(_, words)| words).unwrap_or_default() {
            assert!(text.contains(word), "{text} does not say {word}");
        }
    }
}

#[tokio::test]
async fn both_are_who_they_should_be() {
    check(Case::default(), None, None).await;
    check(Case { allowed: &[MIXER], ..Case::default() }, None, None).await;
    check(Case { allowed: &["spiffe://cluster.local"], ..Case::default() }, None, None).await;
    check(Case { expected: Expected::Host(host("localhost")), ..Case::default() }, None, None).await;
    check(Case { expected: Expected::Anybody, ..Case::default() }, None, None).await;
    check(
        Case {
            client: Some((&["mixer.example.com"], Validity::Now)),
            allowed: &["*.example.com"],
            ..Case::default()
        },
        None,
        None,
    )
    .await;
}

#[tokio::test]
async fn the_original_wants_the_own_id() {
    let same =
        Case { client: Some((&[ADAPTER], Validity::Now)), expected: Expected::OwnId, ..Case::default() };
    check(same, None, None).await;
    let other = Case { expected: Expected::OwnId, ..Case::default() };
    let words: &[&str] = &[ADAPTER, MIXER, "not the one that is expected"];
    check(other, Some((Reason::RefusedByPeer, &["AccessDenied"])), Some((Reason::WrongId, words))).await;
    let none =
        Case { client: Some((&["mixer"], Validity::Now)), expected: Expected::OwnId, ..Case::default() };
    check(none, Some((Reason::RefusedByPeer, &[])), Some((Reason::WrongId, &["[]"]))).await;
    let host_instead = || Expected::OwnIdOrHost(host("localhost"));
    let none =
        Case { client: Some((&["mixer"], Validity::Now)), expected: host_instead(), ..Case::default() };
    check(none, None, None).await;
    let other = Case { expected: host_instead(), ..Case::default() };
    check(other, Some((Reason::RefusedByPeer, &[])), Some((Reason::WrongId, &[MIXER]))).await;
}

#[tokio::test]
async fn a_client_is_refused() {
    let expired = Case { client: Some((&[MIXER], Validity::Past)), ..Case::default() };
    let shown: &[&str] =
        &[MIXER, "signed by CN=good", "expired at 2020-01-01T00:00:00Z", "1 trusted authorities"];
    let told: &[&str] = &["CertificateExpired", MIXER];
    check(expired, Some((Reason::Expired, shown)), Some((Reason::RefusedByPeer, told))).await;
    let early = Case { client: Some((&[MIXER], Validity::Future)), ..Case::default() };
    check(early, Some((Reason::NotYetValid, &["valid from 4000"])), Some((Reason::RefusedByPeer, &[]))).await;
    let stranger = Case { known: (false, true), ..Case::default() };
    let words: &[&str] = &[MIXER, "no authority that is trusted"];
    check(stranger, Some((Reason::UnknownAuthority, words)), Some((Reason::RefusedByPeer, &[]))).await;
    let other = Case { allowed: &["spiffe://cluster.local/ns/x/*", "a.example.com"], ..Case::default() };
    let words: &[&str] = &[MIXER, "spiffe://cluster.local/ns/x/*, a.example.com"];
    check(other, Some((Reason::WrongId, words)), Some((Reason::RefusedByPeer, &["AccessDenied"]))).await;
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let (good, serving) = (authority("good"), authority("serving"));
    let own = serving.issue(&["localhost"]).unwrap();
    let server = Side::new(Some(&own), &[&good]).follow().await.server(ClientPolicy::Certificate(Vec::new()));
    let client = Side::new(None, &[&serving]).follow().await.client(Expected::Host(host("localhost")));
    let (refused, _) = meet(&server, &client).await;
    assert_eq!(refused.unwrap().reason, Reason::NoCertificate);
}

#[tokio::test]
async fn a_server_is_refused() {
    let expired = Case { server: (&[ADAPTER], Validity::Past), ..Case::default() };
    let words: &[&str] = &[ADAPTER, "expired at 2020-01-01T00:00:00Z"];
    check(expired, Some((Reason::RefusedByPeer, &["CertificateExpired"])), Some((Reason::Expired, words)))
        .await;
    let stranger = Case { known: (true, false), ..Case::default() };
    check(stranger, Some((Reason::RefusedByPeer, &[])), Some((Reason::UnknownAuthority, &["CN=good"]))).await;
    let other = Case { expected: Expected::Host(host("other.example.com")), ..Case::default() };
    let words: &[&str] = &["localhost", "for the host other.example.com"];
    check(other, Some((Reason::RefusedByPeer, &[])), Some((Reason::WrongId, words))).await;
}

#[tokio::test]
async fn plaintext_meets_tls() {
    let good = authority("good");
    let side = Side::new(Some(&good.issue(&["localhost"]).unwrap()), &[&good]);
    let followed = side.follow().await;
    let server = followed.server(ClientPolicy::Anybody);
    let (mut near, far) = tokio::io::duplex(1024);
    near.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    near.shutdown().await.unwrap();
    let refused = server.accept(far).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Plaintext, "{refused}");
    let mut alert = Vec::new();
    near.read_to_end(&mut alert).await.unwrap();
    assert_eq!(alert, [0x15, 3, 3, 0, 2, 2, 10], "an alert of TLS");

    let (near, mut far) = tokio::io::duplex(1024);
    far.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let refused = followed.client(Expected::Anybody).connect(near).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Plaintext, "{refused}");

    let options = ServerOptions { clients: ClientPolicy::Anybody, permissive: true, timeout: PATIENCE };
    let permissive = ServerTls::new(followed.credentials.clone(), options);
    let (mut near, far) = tokio::io::duplex(1024);
    near.write_all(b"PRI").await.unwrap();
    let Accepted::Plaintext(mut stream) = permissive.accept(far).await.unwrap() else {
        panic!("no plaintext")
    };
    let mut read = [0; 3];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"PRI", "what was read ahead is not lost");
    let (by_server, by_client) = meet(&permissive, &followed.client(Expected::Host(host("localhost")))).await;
    assert_eq!((by_server, by_client), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_cut_off() {
    let good = authority("good");
    let side = Side::new(Some(&good.issue(&["localhost"]).unwrap()), &[&good]);
    let server = side.follow().await.server(ClientPolicy::Anybody);
    let (_near, far) = tokio::io::duplex(1024);
    assert_eq!(server.accept(far).await.unwrap_err().reason, Reason::Timeout);
    let (near, far) = tokio::io::duplex(1024);
    drop(near);
    assert_eq!(server.accept(far).await.unwrap_err().reason, Reason::Closed);
}
