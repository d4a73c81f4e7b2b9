//! Adapters that do not let everyone in: TLS of both kinds and tokens, against the server of the SDK.

use std::path::{Path, PathBuf};

use mixer_adapter_sdk::{AuthArgs, ServeArgs, Server, TlsArgs};
use mixer_adapter_test::conform::{Observe, Options, Report, Target, TlsFiles, TokenHeader, run, select};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use tempfile::TempDir;

const SPIFFE: &str = "spiffe://cluster.local/ns/istio-system/sa/adapter";
const TOKEN: &str = "s3cret";

/// An authority, somebody's certificates for a host and for a mesh, and the token, in files.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(files.path("ca"), authority.pem()).unwrap();
        for (name, san) in [
            ("host", SanType::IpAddress("127.0.0.1".parse().unwrap())),
            ("mesh", SanType::URI(SPIFFE.try_into().unwrap())),
        ] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
            params.subject_alt_names.push(san);
            std::fs::write(files.path(name), params.signed_by(&key, &authority).unwrap().pem()).unwrap();
            std::fs::write(files.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        std::fs::write(files.path("token"), format!("{TOKEN}\n")).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::join(self.0.path(), name)
    }

    /// The adapter's side: whose certificate it shows, and whether clients need one.
    fn tls(&self, name: &str, mutual: bool) -> TlsArgs {
        TlsArgs {
            tls_certificate: Some(self.path(name)),
            tls_key: Some(self.path(&format!("{name}.key"))),
            tls_client_ca: mutual.then(|| self.path("ca")),
            ..TlsArgs::default()
        }
    }

    fn identity(&self) -> Option<(PathBuf, PathBuf)> {
        Some((self.path("mesh"), self.path("mesh.key")))
    }
}

/// The list adapter behind the SDK's server, for as long as the test runs.
async fn serve(tls: TlsArgs, auth: AuthArgs) -> String {
    let args = ServeArgs { tls, auth, no_monitoring: true, ..ServeArgs::default() };
    let server = Server::bind(mixer_list_adapter::adapter(), args).await.unwrap();
    let address = server.address().to_string();
    tokio::spawn(server.run(std::future::pending()));
    address
}

fn target(address: &str) -> Target {
    let list = mixer_list_adapter::adapter();
    Target::new(address).info(list.info()).unwrap().params("overrides: [conform]").unwrap()
}

async fn examine(target: Target, only: &[&str]) -> Report {
    let options = Options { only: select(only).unwrap(), ..Options::default() };
    run(target, &Observe::Nothing, options).await
}

fn passed(report: &Report) -> Vec<&str> {
    let security = report.cases.iter().filter(|case| case.id.starts_with("security."));
    security
        .filter(|case| case.verdict == mixer_adapter_test::conform::Verdict::Pass)
        .map(|case| case.id)
        .collect()
}

#[tokio::test]
async fn everything_passes_through_mutual_tls_with_a_token() {
    let files = Files::new();
    let header = TokenHeader::Custom("x-adapter-token".parse().unwrap());
    let auth = AuthArgs {
        auth_token_file: Some(files.path("token")),
        auth_header: Some("x-adapter-token".parse().unwrap()),
    };
    let address = serve(files.tls("host", true), auth).await;
    let tls = TlsFiles { ca: files.path("ca"), identity: files.identity(), server_name: None };
    let target = target(&address).tls(&tls).unwrap().token(TOKEN, &header).unwrap();
    let report = examine(target, &[]).await;
    assert_eq!(report.failures(), [""; 0], "{report}");
    let all = ["security.plaintext", "security.no-certificate", "security.no-token", "security.wrong-token"];
    assert_eq!(passed(&report), all, "{report}");
}

#[tokio::test]
async fn a_certificate_of_a_mesh_is_known_by_its_id() {
    let files = Files::new();
    let address = serve(files.tls("mesh", false), AuthArgs::default()).await;
    let named = |name: Option<&str>| {
        let server_name = name.map(str::to_owned);
        target(&address).tls(&TlsFiles { ca: files.path("ca"), identity: None, server_name }).unwrap()
    };
    let report = examine(named(Some(SPIFFE)), &["call", "security"]).await;
    assert_eq!(report.failures(), [""; 0], "{report}");
    assert_eq!(passed(&report), ["security.plaintext"]);
    for (name, expected) in [
        (None, "not valid for name"),
        (Some("adapter.example.com"), "not valid for name"),
        (
            Some("spiffe://cluster.local/ns/default/sa/adapter"),
            "and not for spiffe://cluster.local/ns/default",
        ),
    ] {
        let report = examine(named(name), &["call"]).await;
        assert_eq!(report.failures(), ["reachable"], "{report}");
        assert!(report.to_string().contains(expected), "{report}");
    }
}

#[tokio::test]
async fn bearer_and_plain_tokens() {
    let files = Files::new();
    let auth = AuthArgs { auth_token_file: Some(files.path("token")), auth_header: None };
    let address = serve(TlsArgs::default(), auth).await;
    for header in [TokenHeader::Plain, TokenHeader::Bearer] {
        let report = examine(target(&address).token(TOKEN, &header).unwrap(), &["call", "security"]).await;
        assert_eq!(report.failures(), [""; 0], "{report}");
        assert_eq!(passed(&report), ["security.no-token", "security.wrong-token"]);
    }
    let report = examine(target(&address), &["call.plain"]).await;
    assert_eq!(report.failures(), ["call.plain[listentry]"]);
    assert!(report.to_string().contains("if the adapter asks for a token, give it to the suite"), "{report}");
}

#[tokio::test]
async fn an_adapter_that_lets_everyone_in_fails() {
    let files = Files::new();
    let address = serve(files.tls("host", false), AuthArgs::default()).await;
    let tls = TlsFiles { ca: files.path("ca"), identity: files.identity(), server_name: None };
    let target = target(&address).tls(&tls).unwrap().token(TOKEN, &TokenHeader::Bearer).unwrap();
    let report = examine(target, &["security"]).await;
    let failures = ["security.no-certificate", "security.no-token", "security.wrong-token"];
    assert_eq!(report.failures(), failures, "{report}");
}

/// Whoever forgets about TLS is told of it.
#[tokio::test]
async fn plaintext_to_an_adapter_with_tls() {
    let files = Files::new();
    let address = serve(files.tls("host", false), AuthArgs::default()).await;
    let options = Options { restart: std::time::Duration::ZERO, ..Options::default() };
    let report = run(target(&address), &Observe::Nothing, options).await;
    assert_eq!(report.failures(), ["reachable"], "{report}");
    assert!(report.to_string().contains("the suite needs the authorities of its certificate"), "{report}");
}

#[test]
fn files_and_tokens_that_cannot_be_used() {
    let files = Files::new();
    std::fs::write(files.path("empty"), "").unwrap();
    let refused = |ca: &str, identity: Option<(&str, &str)>, name: &str| {
        let identity = identity.map(|(certificate, key)| (files.path(certificate), files.path(key)));
        let tls = TlsFiles { ca: files.path(ca), identity, server_name: Some(name.to_owned()) };
        Target::new("127.0.0.1:1").tls(&tls).unwrap_err().to_string()
    };
    for (found, expected) in [
        (refused("missing", None, "a"), "missing cannot be used for TLS"),
        (refused("empty", None, "a"), "it holds no certificate"),
        (refused("ca", Some(("mesh", "host.key")), "a"), "mesh cannot be used for TLS"),
        (refused("ca", None, "not a name"), "not a name is no name of a server"),
    ] {
        assert!(found.contains(expected), "{found}");
    }
    let token = |token: &str| Target::new("a").token(token, &TokenHeader::Plain).unwrap_err().to_string();
    assert_eq!(
        (token(" \n"), token("a\nb")),
        ("the token is empty".to_owned(), "the token has characters that no header may hold".to_owned(),)
    );
}

#[test]
fn words_that_mean_cases() {
    assert_eq!(
        select(&["quota.name", "health"]).unwrap(),
        ["quota.name", "health.serving", "health.services", "health.unknown"]
    );
    assert!(select(&["quotas"]).unwrap_err().to_string().contains("no case is called \"quotas\""));
}
