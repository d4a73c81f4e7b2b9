//! An adapter behind TLS that wants a token, and a token endpoint that follows its specification.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mixer_identity::{
    Accepted, Authorities, ClientPolicy, Credentials, Files, KeyPair, PeerId, Refused, ServerOptions,
    ServerTls, Source,
};
use mixer_rpc::raw::HandlerService;
use mixer_testkit::pki::{Authority, Issued};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service as _;

/// Longer than anything takes, on a slow machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often files are looked at.
pub(crate) const RELOAD: Duration = Duration::from_millis(10);

/// Files of one side.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        // As Kubernetes does: whole or not at all.
        std::fs::write(self.path("part"), content).unwrap();
        std::fs::rename(self.path("part"), self.path(name)).unwrap();
    }

    /// A certificate and its key, in this order so that the pair is whole when it is looked at twice.
    pub(crate) fn show(&self, own: &Issued) {
        self.write("key", &own.key);
        self.write("certificate", &own.chain);
    }

    pub(crate) fn trust(&self, authorities: &[&Authority]) {
        self.write("ca", &authorities.iter().map(|authority| authority.pem()).collect::<String>());
    }

    fn source(&self) -> Source {
        let own = KeyPair { certificate: self.path("certificate"), key: self.path("key") };
        Source::Files(Files {
            own: Some(own),
            authorities: Authorities::File(self.path("ca")),
            every: RELOAD,
        })
    }

    pub(crate) async fn follow(&self) -> Credentials {
        Credentials::start(self.source(), "the far side", Box::new(|_| {})).await
    }
}

/// Waits until credentials show this name.
pub(crate) async fn shows(credentials: &Credentials, name: &str) {
    let waiting = async {
        while !credentials.get().is_ok_and(|material| material.shown().contains(name)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

/// The adapter.
pub(crate) struct Far {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
    pub(crate) refused: Arc<Mutex<Vec<Refused>>>,
    /// Tokens that let a call in, by header; everybody is let in without any.
    pub(crate) tokens: Arc<Mutex<Vec<(String, String)>>>,
    /// Another number tells the connections to go.
    renewals: watch::Sender<u64>,
}

impl Far {
    /// Behind TLS; in plaintext without credentials.
    pub(crate) async fn start(tls: Option<(Credentials, ClientPolicy)>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let far = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            refused: Arc::default(),
            tokens: Arc::default(),
            renewals: watch::Sender::new(0),
        };
        let routes = routes(far.tokens.clone());
        let tls = tls.map(|(credentials, clients)| {
            let options = ServerOptions { clients, permissive: false, timeout: PATIENCE };
            Arc::new(ServerTls::new(credentials, options))
        });
        let (connections, refused, renewals) =
            (far.connections.clone(), far.refused.clone(), far.renewals.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, routes, refused) = (tls.clone(), routes.clone(), refused.clone());
                let (connections, renewed) = (connections.clone(), renewals.subscribe());
                tokio::spawn(async move {
                    let Some(tls) = tls else { return serve(stream, routes, renewed).await };
                    match tls.accept(stream).await {
                        Ok(Accepted::Tls(stream)) => {
                            connections.fetch_add(1, Ordering::SeqCst);
                            serve(*stream, routes, renewed).await;
                        }
                        Ok(Accepted::Plaintext(_)) => unreachable!("nobody asked for a permissive port"),
                        Err(error) => refused.lock().push(error),
                    }
                });
            }
        });
        far
    }

    /// Ends every connection in an orderly way.
    pub(crate) fn renew(&self) {
        self.renewals.send_modify(|renewals| *renewals += 1);
    }

    pub(crate) fn let_in(&self, tokens: &[(&str, &str)]) {
        let tokens = tokens.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        *self.tokens.lock() = tokens.collect();
    }
}

fn routes(tokens: Arc<Mutex<Vec<(String, String)>>>) -> Routes {
    let service = HandlerService::new().method(
        "/listentry.HandleListEntryService/HandleListEntry",
        move |request: tonic::Request<Bytes>| {
            let tokens = tokens.lock().clone();
            let has = |(name, value): &(String, String)| {
                request.metadata().get(name.as_str()).is_some_and(|found| found == value.as_str())
            };
            let is_let_in = tokens.is_empty() || tokens.iter().any(has);
            async move {
                match is_let_in {
                    // An empty result: OK.
                    true => Ok(Bytes::new()),
                    false => Err(Status::unauthenticated("this token is not known")),
                }
            }
        },
    );
    service.mount(Routes::default()).prepare()
}

async fn serve<I>(io: I, routes: Routes, mut renewed: watch::Receiver<u64>)
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let mut routes = routes.clone();
        async move { routes.call(request.map(Body::new)).await }
    });
    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(io), service));
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = renewed.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

pub(crate) fn ids(ids: &[&str]) -> Vec<PeerId> {
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

/// A token endpoint of RFC 6749 over TLS. Each request gets another token, which is let in at the adapter beside the one
/// before.
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<AtomicUsize>,
    pub(crate) rules: Arc<Mutex<Rules>>,
}

/// How an endpoint decides.
#[derive(Clone)]
pub(crate) struct Rules {
    pub(crate) id: &'static str,
    pub(crate) secret: String,
    /// Whether credentials are looked for in the form only, against the specification.
    pub(crate) in_form: bool,
    /// Fields that a request has to have beside those of the specification.
    pub(crate) fields: BTreeMap<&'static str, &'static str>,
    pub(crate) lifetime: serde_json::Value,
    /// What an answer is in place of a token.
    pub(crate) broken: Option<(u16, &'static str)>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            id: "mixer id",
            secret: "s3:cr&t".to_owned(),
            in_form: false,
            fields: [("scope", "read write"), ("audience", "adapters")].into(),
            lifetime: 3600.into(),
            broken: None,
        }
    }
}

impl Endpoint {
    pub(crate) async fn start(tls: Credentials, tokens: Arc<Mutex<Vec<(String, String)>>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            rules: Arc::new(Mutex::new(Rules::default())),
        };
        let options = ServerOptions { clients: ClientPolicy::Anybody, permissive: false, timeout: PATIENCE };
        let tls = Arc::new(ServerTls::new(tls, options));
        let (requests, rules) = (endpoint.requests.clone(), endpoint.rules.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, requests, rules, tokens) =
                    (tls.clone(), requests.clone(), rules.clone(), tokens.clone());
                tokio::spawn(async move {
                    let Ok(Accepted::Tls(stream)) = tls.accept(stream).await else { return };
                    let service = hyper::service::service_fn(move |request| {
                        let count = requests.fetch_add(1, Ordering::SeqCst) + 1;
                        issue(request, rules.lock().clone(), count, tokens.clone())
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(*stream), service)
                        .await;
                });
            }
        });
        endpoint
    }
}

type Issuing = Result<http::Response<http_body_util::Full<Bytes>>, hyper::Error>;

async fn issue(
    request: http::Request<hyper::body::Incoming>,
    rules: Rules,
    count: usize,
    tokens: Arc<Mutex<Vec<(String, String)>>>,
) -> Issuing {
    use base64::Engine as _;
    use http_body_util::BodyExt as _;
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let answer = |status: u16, body: String| {
        let response = http::Response::builder().status(status).header("content-type", "application/json");
        Ok(response.body(body.into_bytes().into()).unwrap())
    };
    if let Some((status, body)) = rules.broken {
        return answer(status, body.to_owned());
    }
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(rules.id), encode(&rules.secret));
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    let in_header = head.headers.get("authorization").is_some_and(|value| value == basic.as_str());
    let field = |name: &str| form.get(name).map(String::as_str);
    let in_form = field("client_id") == Some(rules.id) && field("client_secret") == Some(&rules.secret);
    if (rules.in_form && !in_form) || (!rules.in_form && (!in_header || field("client_secret").is_some())) {
        return answer(401, r#"{"error": "invalid_client", "error_description": "who are you?"}"#.to_owned());
    }
    let is_right = head.method == "POST"
        && head.headers.get("content-type").is_some_and(|kind| kind == "application/x-www-form-urlencoded")
        && field("grant_type") == Some("client_credentials")
        && rules.fields.iter().all(|(name, value)| field(name) == Some(value));
    if !is_right {
        return answer(400, format!(r#"{{"error": "invalid_request", "error_description": "{form:?}"}}"#));
    }
    let token = format!("token-{count}");
    let mut known = tokens.lock();
    let before = known.len().saturating_sub(1);
    known.drain(..before);
    known.push(("authorization".to_owned(), format!("Bearer {token}")));
    drop(known);
    let body =
        serde_json::json!({"access_token": token, "token_type": "bearer", "expires_in": rules.lifetime});
    answer(200, body.to_string())
}
