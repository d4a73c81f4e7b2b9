//! Files that change under way: new certificates, an authority that follows another one, and files that are no good.

use mixer_identity::{ClientPolicy, Expected, Reason};

use crate::support::{ADAPTER, MIXER, Side, authority, ids, meet, stand};

#[tokio::test]
async fn one_authority_follows_another_and_nobody_is_cut_off() {
    let (old, new) = (authority("old"), authority("new"));
    let issue = |by: &mixer_testkit::pki::Authority, names: &[&str]| by.issue(names).unwrap();
    let (client_files, server_files) = (
        Side::new(Some(&issue(&old, &[MIXER])), &[&old]),
        Side::new(Some(&issue(&old, &[ADAPTER])), &[&old]),
    );
    let (client, server) = (client_files.follow().await, server_files.follow().await);
    let serving = server.server(ClientPolicy::Certificate(ids(&[MIXER])));
    let calling = client.client(Expected::Ids(ids(&[ADAPTER])));
    client.loads().await;
    server.loads().await;
    let mut first = stand(&serving, &calling).await.unwrap_or_else(|refused| panic!("{refused:?}"));

    // Both trust both, and are known by either.
    for (files, side) in [(&client_files, &client), (&server_files, &server)] {
        files.trust(&[&old, &new]);
        side.loads().await;
        assert_eq!(meet(&serving, &calling).await, (None, None));
    }
    server_files.show(&issue(&new, &[ADAPTER, "second"]));
    server.shows("second").await;
    assert_eq!(meet(&serving, &calling).await, (None, None));
    client_files.show(&issue(&new, &[MIXER, "second"]));
    client.shows("second").await;
    assert_eq!(meet(&serving, &calling).await, (None, None));
    let mut second = stand(&serving, &calling).await.unwrap_or_else(|refused| panic!("{refused:?}"));

    // The old one is gone: so is whoever has nothing else.
    server_files.trust(&[&new]);
    server.loads().await;
    assert_eq!(meet(&serving, &calling).await, (None, None));
    let late = Side::new(Some(&issue(&old, &[MIXER])), &[&new]);
    let (refused, _) = meet(&serving, &late.follow().await.client(Expected::Ids(ids(&[ADAPTER])))).await;
    assert_eq!(refused.unwrap().reason, Reason::UnknownAuthority);
    first.carries().await;
    second.carries().await;
}

#[tokio::test]
async fn what_cannot_be_used_leaves_the_last_good_certificates() {
    let authority = authority("one");
    let files = Side::new(Some(&authority.issue(&["localhost"]).unwrap()), &[&authority]);
    let side = files.follow().await;
    let (serving, calling) =
        (side.server(ClientPolicy::Certificate(Vec::new())), side.client(Expected::Anybody));
    side.loads().await;
    let certificate = std::fs::read(files.path("certificate")).unwrap();
    for (file, content, part) in [
        ("certificate", "broken", "holds no certificate"),
        ("certificate", &*authority.issue(&["localhost"]).unwrap().chain, "do not make a pair"),
        ("ca", "", "ca cannot be used: it holds no certificate"),
        ("key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be used"),
    ] {
        let before = std::fs::read(files.path(file)).unwrap();
        std::fs::write(files.path(file), content).unwrap();
        side.fails(part).await;
        assert_eq!(meet(&serving, &calling).await, (None, None), "{file}: {part}");
        std::fs::write(files.path(file), before).unwrap();
        side.loads().await;
    }
    std::fs::remove_file(files.path("certificate")).unwrap();
    side.fails("No such file").await;
    assert_eq!(meet(&serving, &calling).await, (None, None));
    std::fs::write(files.path("certificate"), certificate).unwrap();
    side.loads().await;
}

#[tokio::test]
async fn certificates_that_come_late_are_waited_for() {
    let authority = authority("one");
    let files = Side::new(Some(&authority.issue(&["localhost"]).unwrap()), &[&authority]);
    let certificate = std::fs::read(files.path("certificate")).unwrap();
    std::fs::remove_file(files.path("certificate")).unwrap();
    let side = files.follow().await;
    let (serving, calling) = (side.server(ClientPolicy::Anybody), side.client(Expected::Anybody));
    let (_, by_client) = meet(&serving, &calling).await;
    let refused = by_client.unwrap();
    assert_eq!(refused.reason, Reason::NotReady);
    assert!(refused.text.contains("certificate cannot be used"), "{refused}");
    assert!(side.credentials.settled().await.is_err());
    std::fs::write(files.path("certificate"), certificate).unwrap();
    side.credentials.ready().await;
    assert_eq!(meet(&serving, &calling).await, (None, None));
}
