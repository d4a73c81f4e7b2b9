//! An HTTP backend that answers by script and keeps what it got.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What arrived.
pub(crate) type Received = Arc<Mutex<Vec<(::http::request::Parts, Bytes)>>>;

/// A running backend.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    pub(crate) received: Received,
}

impl Backend {
    /// Answers every request with this.
    pub(crate) async fn start(
        answer: impl Fn() -> Response<Bytes> + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Received::default();
        let (kept, answer) = (received.clone(), Arc::new(answer));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, kept, answer) = (tls.clone(), kept.clone(), answer.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, kept, answer).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, kept, answer).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, received }
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    received: Received,
    answer: Arc<impl Fn() -> Response<Bytes>>,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let (received, answer) = (received.clone(), answer.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            received.lock().push((parts, body));
            Ok::<_, Infallible>(answer().map(Full::new))
        }
    });
    // A client that goes away ends its connection.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
