//! The webhook's port: TLS with whatever certificate is the newest, HTTP/1.1, one path.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::certificates::Issued;
use super::review::Reviews;

/// Connections at once; API servers keep a few.
const MAX_CONNECTIONS: usize = 64;
/// A review holds an object twice; an API server takes 3 MiB at most.
const MAX_BODY: usize = 8 << 20;
/// A client that has not shaken hands or sent its request by then is cut off.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection is closed after so long, so that API servers meet every replica.
const LONGEST: Duration = Duration::from_secs(600);

/// The newest certificate; connections that are open go on with theirs.
#[derive(Debug, Default)]
pub(super) struct Certificate(RwLock<Option<Arc<CertifiedKey>>>);

impl Certificate {
    pub(super) fn set(&self, issued: Issued) -> Result<(), String> {
        let provider = ring::default_provider();
        let key = provider.key_provider.load_private_key(issued.key).map_err(|error| error.to_string())?;
        let certified = Arc::new(CertifiedKey::new(issued.chain, key));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(certified);
        Ok(())
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Serves for as long as the future is polled.
pub(super) async fn run(listener: TcpListener, certificate: Arc<Certificate>, reviews: Reviews) {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map(|config| config.with_no_client_auth().with_cert_resolver(certificate));
    let acceptor = match config {
        Ok(mut config) => {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            TlsAcceptor::from(Arc::new(config))
        }
        Err(error) => {
            tracing::error!(%error, "the webhook cannot speak TLS");
            return;
        }
    };
    let (reviews, room) = (Arc::new(reviews), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    while let Ok(permit) = room.clone().acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: those that are open end some day.
                tracing::warn!(%error, "the webhook cannot take a connection");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (acceptor, reviews) = (acceptor.clone(), reviews.clone());
        tokio::spawn(async move {
            connection(stream, acceptor, reviews).await;
            drop(permit);
        });
    }
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, reviews: Arc<Reviews>) {
    let stream = match timeout(PATIENCE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            reviews.failed_connection();
            tracing::debug!(%error, "a connection of the webhook failed");
            return;
        }
        Err(_) => return reviews.failed_connection(),
    };
    let service = service_fn(move |request| respond(request, reviews.clone()));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE * 12)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = sleep(LONGEST) => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of the webhook ended");
    }
}

async fn respond(
    request: Request<Incoming>,
    reviews: Arc<Reviews>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match (request.method(), request.uri().path()) {
        (&Method::POST, "/validate") => validate(request.into_body(), reviews).await,
        (&Method::GET, "/healthz") => answer(StatusCode::OK, "text/plain", "ok\n"),
        _ => answer(StatusCode::NOT_FOUND, "text/plain", "not found; POST an AdmissionReview to /validate\n"),
    })
}

async fn validate(body: Incoming, reviews: Arc<Reviews>) -> Response<Full<Bytes>> {
    let refuse = |code, text: String| answer(code, "text/plain", text + "\n");
    let body = match timeout(PATIENCE, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) => {
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("the review cannot be read: {error}"));
        }
        Err(_) => return refuse(StatusCode::REQUEST_TIMEOUT, "the review did not arrive".to_owned()),
    };
    let review = match serde_json::from_slice(&body) {
        Ok(review) => review,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, format!("no AdmissionReview: {error}")),
    };
    match reviews.answer(review).await {
        Ok(review) => answer(StatusCode::OK, "application/json", review.to_string()),
        Err(error) => refuse(StatusCode::BAD_REQUEST, format!("no AdmissionReview: {error}")),
    }
}

fn answer(code: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = code;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
