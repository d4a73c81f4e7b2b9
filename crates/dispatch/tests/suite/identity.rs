//! Adapters behind TLS: who is talked to, what calls carry, and what changes while calls go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mixer_adapter_api::{ErrorKind, HandlerError};
use mixer_dispatch::EngineOptions;
use mixer_identity::{ClientPolicy, Reason};
use mixer_testkit::pki::{Authority, Validity};

use crate::far::{Endpoint, Far, Folder, PATIENCE, RELOAD, ids, shows};
use crate::support::World;

const MIXER: &str = "spiffe://cluster.local/ns/istio-system/sa/mixer";
const ADAPTER: &str = "spiffe://cluster.local/ns/mixer/sa/adapter";
const HANDLER: (&str, &str) = ("handler", "h.handler.istio-system");

fn authority(name: &str) -> Authority {
    Authority::new(name).unwrap()
}

fn folder(authority: &Authority, names: &[&str]) -> Folder {
    let folder = Folder::new();
    folder.show(&authority.issue(names).unwrap());
    folder.trust(&[authority]);
    folder
}

fn world() -> World {
    World::with(EngineOptions { reload_interval: RELOAD, ..EngineOptions::default() })
}

fn config(far: &Far, authentication: &str) -> String {
    format!(
        "adapter istio-system/far {{templates: [listentry], session_based: false}}
         handler istio-system/h {{adapter: far, connection: {{address: \"{}\", timeout: 20s, authentication: {authentication}}}}}
         instance istio-system/e {{template: listentry, params: {{value: source.name | \"nobody\"}}}}
         rule istio-system/r {{actions: [{{handler: h, instances: [e]}}]}}",
        far.address
    )
}

fn mutual(files: &Folder, more: &str) -> String {
    let path = |name: &str| files.path(name).display().to_string();
    let (key, certificate, ca) = (path("key"), path("certificate"), path("ca"));
    format!("{{mutual: {{privateKey: {key}, clientCertificate: {certificate}, caCertificates: {ca}{more}}}}}")
}

fn tls(files: &Folder, more: &str) -> String {
    format!("{{tls: {{caCertificates: {}{more}}}}}", files.path("ca").display())
}

async fn configure(world: &World, far: &Far, authentication: &str) {
    let report = world.apply(&config(far, authentication)).await;
    assert_eq!(report.failures, []);
}

async fn far(files: &Folder, allowed: &[&str]) -> Far {
    Far::start(Some((files.follow().await, ClientPolicy::Certificate(ids(allowed))))).await
}

/// The error of a check, which names the handler.
async fn error(world: &World) -> HandlerError {
    let error = world.check("").await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("handler h.handler.istio-system: adapter far"), "{text}");
    HandlerError::new(ErrorKind::Unavailable, text)
}

async fn until_it_answers(world: &World) {
    let started = Instant::now();
    while let Err(error) = world.check("").await {
        assert!(started.elapsed() < PATIENCE, "{error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_adapter_has_to_be_who_it_should_be() {
    let one = authority("one");
    let (mine, theirs) = (folder(&one, &[MIXER]), folder(&one, &[ADAPTER, "adapter.example.com"]));
    let (far, world) = (far(&theirs, &[MIXER]).await, world());
    for (more, expected) in [
        (format!(", subjectAltNames: [\"{ADAPTER}\"]"), None),
        (", subjectAltNames: [\"spiffe://cluster.local\"]".to_owned(), None),
        (", serverName: adapter.example.com".to_owned(), None),
        (String::new(), Some(MIXER)),
        (
            ", subjectAltNames: [\"spiffe://other.org\", \"*.example.org\"]".to_owned(),
            Some("spiffe://other.org, *.example.org"),
        ),
        (", serverName: other.example.com".to_owned(), Some("other.example.com")),
    ] {
        configure(&world, &far, &mutual(&mine, &more)).await;
        match expected {
            None => {
                world.check("").await.unwrap_or_else(|error| panic!("{more}: {error}"));
            }
            Some(expected) => {
                let text = error(&world).await.message;
                assert!(text.contains(ADAPTER) && text.contains(expected), "{more}: {text}");
                assert!(
                    world.metric(
                        "mixer_handler_connections_refused_total",
                        &[HANDLER, ("reason", "wrong_id")]
                    ) >= 1.0
                );
            }
        }
    }
    assert!(world.metric("mixer_handler_certificate_expiry_timestamp_seconds", &[HANDLER]) > 1e9);
}

#[tokio::test]
async fn without_more_an_adapter_has_our_own_id() {
    let one = authority("one");
    let (mine, theirs) = (folder(&one, &[MIXER]), folder(&one, &[MIXER]));
    let (far, world) = (far(&theirs, &[]).await, world());
    configure(&world, &far, &mutual(&mine, "")).await;
    world.check("").await.unwrap();
    // Certificates without SPIFFE ids: the host of the address is what counts.
    let (mine, theirs) = (folder(&one, &["mixer.example.com"]), folder(&one, &["127.0.0.1"]));
    let far = self::far(&theirs, &["*.example.com"]).await;
    configure(&world, &far, &mutual(&mine, "")).await;
    world.check("").await.unwrap();
}

#[tokio::test]
async fn refusals_say_what_was_shown() {
    let (one, other) = (authority("one"), authority("other"));
    let theirs = folder(&one, &[ADAPTER]);
    let (far, world) = (far(&theirs, &[MIXER]).await, world());
    let ids = format!(", subjectAltNames: [\"{ADAPTER}\"]");
    let by = async |mine: &Folder, reason: &str, words: &[&str]| {
        // A handler that was good would go on as it is.
        let world = self::world();
        far.refused.lock().clear();
        configure(&world, &far, &mutual(mine, &ids)).await;
        let text = error(&world).await.message;
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
        let labels = [HANDLER, ("reason", reason)];
        assert!(world.metric("mixer_handler_connections_refused_total", &labels) >= 1.0, "{reason}: {text}");
        while reason == "refused_by_peer" && far.refused.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        far.refused.lock().pop()
    };
    let mine = folder(&one, &[MIXER]);
    mine.show(&one.issue_for(&[MIXER], Validity::Past).unwrap());
    let refused = by(&mine, "refused_by_peer", &["CertificateExpired", MIXER, "2020-01-01"]).await.unwrap();
    assert_eq!(refused.reason, Reason::Expired);
    let mine = folder(&one, &["spiffe://cluster.local/ns/x/sa/y"]);
    let refused = by(&mine, "refused_by_peer", &["AccessDenied", "ns/x/sa/y"]).await.unwrap();
    assert_eq!(refused.reason, Reason::WrongId);
    let mine = folder(&other, &[MIXER]);
    mine.trust(&[&one]);
    assert_eq!(by(&mine, "refused_by_peer", &["UnknownCA"]).await.unwrap().reason, Reason::UnknownAuthority);
    mine.trust(&[&other]);
    by(&mine, "unknown_authority", &[ADAPTER, "CN=one", "no authority that is trusted"]).await;
    let mine = folder(&one, &[MIXER]);
    std::fs::remove_file(mine.path("certificate")).unwrap();
    by(&mine, "not_ready", &["certificate cannot be used", "No such file"]).await;

    // Plaintext to TLS, and TLS to plaintext.
    let plain = config(&far, "null");
    assert_eq!(world.apply(&plain).await.failures, []);
    let text = error(&world).await.message;
    assert!(text.contains("speaks TLS") && text.contains("connection.authentication"), "{text}");
    assert!(world.metric("mixer_handler_connections_refused_total", &[HANDLER, ("reason", "tls")]) >= 1.0);
    let plain = Far::start(None).await;
    let world = self::world();
    configure(&world, &plain, &mutual(&folder(&one, &[MIXER]), &ids)).await;
    let text = error(&world).await.message;
    assert!(text.contains("does not speak TLS"), "{text}");
    assert!(
        world.metric("mixer_handler_connections_refused_total", &[HANDLER, ("reason", "plaintext")]) >= 1.0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_and_authorities_change_and_no_call_fails() {
    let (old, new) = (authority("old"), authority("new"));
    let (mine, theirs) = (folder(&old, &[MIXER]), folder(&old, &[ADAPTER]));
    let credentials = theirs.follow().await;
    let far = Far::start(Some((credentials.clone(), ClientPolicy::Certificate(ids(&[MIXER]))))).await;
    let world = Arc::new(world());
    configure(&world, &far, &mutual(&mine, &format!(", subjectAltNames: [\"{ADAPTER}\"]"))).await;
    let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let calling = tokio::spawn({
        let (world, stop, calls) = (world.clone(), stop.clone(), calls.clone());
        async move {
            while !stop.load(Ordering::SeqCst) {
                world.check("").await.unwrap();
                calls.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        }
    });
    let loaded = || world.metric("mixer_handler_certificate_updates_total", &[HANDLER, ("result", "ok")]);
    let until = async |count: f64| {
        let waiting = async {
            while loaded() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    };
    let renewed = async || {
        let (connections, before) = (far.connections.load(Ordering::SeqCst), calls.load(Ordering::SeqCst));
        far.renew();
        let waiting = async {
            while far.connections.load(Ordering::SeqCst) == connections
                || calls.load(Ordering::SeqCst) < before + 10
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    };
    renewed().await;
    mine.trust(&[&old, &new]);
    until(2.0).await;
    theirs.trust(&[&old, &new]);
    theirs.show(&new.issue(&[ADAPTER, "second"]).unwrap());
    shows(&credentials, "second").await;
    renewed().await;
    mine.show(&new.issue(&[MIXER]).unwrap());
    until(3.0).await;
    renewed().await;
    mine.trust(&[&new]);
    until(4.0).await;
    renewed().await;
    stop.store(true, Ordering::SeqCst);
    calling.await.unwrap();
    assert_eq!(*far.refused.lock(), []);
    assert_eq!(world.metric("mixer_handler_connections_refused_total", &[]), 0.0);
}

#[tokio::test]
async fn certificates_that_come_late_are_waited_for_and_a_good_handler_is_not_lost() {
    let one = authority("one");
    let (mine, theirs) = (folder(&one, &[MIXER]), folder(&one, &[ADAPTER]));
    let (far, world) = (far(&theirs, &[MIXER]).await, world());
    let more = format!(", subjectAltNames: [\"{ADAPTER}\"]");
    std::fs::rename(mine.path("key"), mine.path("away")).unwrap();
    configure(&world, &far, &mutual(&mine, &more)).await;
    let text = error(&world).await.message;
    assert!(text.contains("key cannot be used"), "{text}");
    std::fs::rename(mine.path("away"), mine.path("key")).unwrap();
    until_it_answers(&world).await;

    let empty = Folder::new();
    let report = world.apply(&config(&far, &mutual(&empty, &more))).await;
    let [failure] = report.failures.as_slice() else { panic!("{report:?}") };
    assert!(failure.earlier_serves && failure.reason.contains("certificate cannot be used"), "{failure:?}");
    world.check("").await.unwrap();
}

#[tokio::test]
async fn a_token_comes_from_a_file_and_changes() {
    let one = authority("one");
    let theirs = folder(&one, &["127.0.0.1"]);
    let far = Far::start(Some((theirs.follow().await, ClientPolicy::Anybody))).await;
    theirs.write("token", "first\n");
    let token = format!(", tokenPath: {}", theirs.path("token").display());
    for (header, name, prefix) in [
        (", authHeader: PLAIN", "authorization", ""),
        (", authHeader: BEARER", "authorization", "Bearer "),
        (", customHeader: X-Token", "x-token", ""),
    ] {
        let world = world();
        theirs.write("token", "first\n");
        far.let_in(&[(name, &format!("{prefix}first"))]);
        configure(&world, &far, &tls(&theirs, &format!("{token}{header}"))).await;
        world.check("").await.unwrap();
        // Both sides change at once: the call that is refused finds the new one.
        theirs.write("token", "second");
        far.let_in(&[(name, &format!("{prefix}second"))]);
        world.check("").await.unwrap();
        far.let_in(&[(name, "third")]);
        let text = error(&world).await.message;
        assert!(text.contains("Unauthenticated") && text.contains("check the token"), "{text}");
        assert!(!text.contains("second"), "{text}");
    }
    let world = world();
    theirs.write("token", " \n");
    configure(&world, &far, &tls(&theirs, &format!("{token}, authHeader: PLAIN"))).await;
    let text = error(&world).await.message;
    assert!(text.contains("tokenPath") && text.contains("empty"), "{text}");
    assert!(world.metric("mixer_handler_token_updates_total", &[HANDLER, ("result", "failed")]) >= 1.0);
}

#[tokio::test]
async fn a_server_is_checked_without_a_token_too() {
    let one = authority("one");
    let theirs = folder(&one, &["127.0.0.1"]);
    let far = Far::start(Some((theirs.follow().await, ClientPolicy::Anybody))).await;
    let world = world();
    configure(&world, &far, &tls(&theirs, "")).await;
    world.check("").await.unwrap();
    configure(&world, &far, &tls(&theirs, ", serverName: other.example.com")).await;
    let text = error(&world).await.message;
    assert!(text.contains("other.example.com"), "{text}");
}

/// An adapter that wants tokens of an endpoint, and what a handler says of both.
async fn issued() -> (Far, Endpoint, Folder, String) {
    let one = authority("one");
    let theirs = folder(&one, &["127.0.0.1"]);
    let far = Far::start(Some((theirs.follow().await, ClientPolicy::Anybody))).await;
    far.let_in(&[("authorization", "nobody yet")]);
    let endpoint = Endpoint::start(theirs.follow().await, far.tokens.clone()).await;
    theirs.write("secret", &format!("{}\n", endpoint.rules.lock().secret));
    let oauth = format!(
        ", oauth: {{clientId: mixer id, clientSecret: {}, tokenUrl: \"https://{}/token\", scopes: [read, write], \
         endpointParams: {{audience: adapters}}}}",
        theirs.path("secret").display(),
        endpoint.address
    );
    let authentication = tls(&theirs, &oauth);
    (far, endpoint, theirs, authentication)
}

#[tokio::test]
async fn one_request_brings_a_token_for_all_calls() {
    let (far, endpoint, _files, authentication) = issued().await;
    let world = world();
    configure(&world, &far, &authentication).await;
    let checks = futures::future::join_all((0..20).map(|_| world.check(""))).await;
    assert!(checks.iter().all(Result::is_ok), "{checks:?}");
    assert_eq!(endpoint.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let (far, endpoint, _files, authentication) = issued().await;
    // As text, which some endpoints send.
    endpoint.rules.lock().lifetime = "5".into();
    let world = world();
    configure(&world, &far, &authentication).await;
    let started = Instant::now();
    // Each token is let in until the second one after it comes.
    while endpoint.requests.load(Ordering::SeqCst) < 3 {
        world.check("").await.unwrap();
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(started.elapsed() >= Duration::from_secs(7), "not much more often than it has to be");
    assert_eq!(world.metric("mixer_handler_token_updates_total", &[HANDLER, ("result", "failed")]), 0.0);
}

#[tokio::test]
async fn an_issued_token_that_is_refused_is_renewed_once_for_all_calls() {
    let (far, endpoint, _files, authentication) = issued().await;
    let world = world();
    configure(&world, &far, &authentication).await;
    world.check("").await.unwrap();
    // The adapter forgets all tokens, long before the one that is used expires.
    far.let_in(&[("authorization", "nobody yet")]);
    let started = Instant::now();
    let text = error(&world).await.message;
    assert!(text.contains("Unauthenticated") && text.contains("check the token"), "{text}");
    // A token that is brand new is not thrown away: whoever refuses all of them makes nobody ask in a hurry.
    let five = || async { futures::future::join_all((0..5).map(|_| world.check(""))).await };
    loop {
        let refused: Vec<String> =
            five().await.iter().filter_map(|result| Some(result.as_ref().err()?.to_string())).collect();
        if refused.is_empty() {
            break;
        }
        assert!(refused.iter().all(|text| text.contains("Unauthenticated")), "{refused:?}");
        assert_eq!((refused.len(), endpoint.requests.load(Ordering::SeqCst)), (5, 1), "all of them, or none");
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(started.elapsed() > Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(endpoint.requests.load(Ordering::SeqCst), 2, "one renewal, however many calls were refused");
    far.let_in(&[("authorization", "nobody yet")]);
    assert!(five().await.iter().all(Result::is_err));
    assert_eq!(endpoint.requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_endpoint_may_want_the_credentials_in_the_form() {
    let (far, endpoint, _files, authentication) = issued().await;
    endpoint.rules.lock().in_form = true;
    let world = world();
    configure(&world, &far, &authentication).await;
    world.check("").await.unwrap();
    assert_eq!(endpoint.requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_an_endpoint_says_is_told_and_no_secret_is() {
    let (far, endpoint, files, authentication) = issued().await;
    for (broken, words) in [
        (Some((400, r#"{"error": "invalid_scope"}"#)), &["400", "invalid_scope"][..]),
        (Some((500, "out of order")), &["500", "out of order"]),
        (Some((302, "")), &["302"]),
        (Some((200, "hello")), &["is no JSON"]),
        (Some((200, r#"{"token": "x"}"#)), &["no access_token"]),
        (None, &["401", "invalid_client: who are you?", "clientSecret"]),
    ] {
        endpoint.rules.lock().broken = broken;
        if broken.is_none() {
            endpoint.rules.lock().secret = "changed".to_owned();
        }
        let world = world();
        configure(&world, &far, &authentication).await;
        let text = error(&world).await.message;
        assert!(text.contains("oauth.tokenUrl") && words.iter().all(|word| text.contains(word)), "{text}");
        assert!(!text.contains("s3:cr&t") && !text.contains("changed"), "{text}");
        assert!(world.metric("mixer_handler_token_updates_total", &[HANDLER, ("result", "failed")]) >= 1.0);
        // A new secret is read when it is needed.
        if broken.is_none() {
            files.write("secret", "changed");
            until_it_answers(&world).await;
        }
    }
    std::fs::remove_file(files.path("secret")).unwrap();
    let world = world();
    configure(&world, &far, &authentication).await;
    let text = error(&world).await.message;
    assert!(text.contains("secret") && text.contains("No such file"), "{text}");
}
