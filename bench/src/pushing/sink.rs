//! Backends that take everything: one that speaks HTTP and gives tokens to who asks, and one for datagrams.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

/// What a metadata server answers that is asked for a token.
const TOKEN: &str = r#"{"access_token":"bench","expires_in":3600,"token_type":"Bearer"}"#;

/// The backends, until they are dropped.
pub(crate) struct Sink {
    http: SocketAddr,
    datagrams: SocketAddr,
    taken: Arc<AtomicU64>,
    _running: JoinSet<()>,
}

impl Sink {
    /// Starts them on ports of loopback.
    ///
    /// # Errors
    /// None is free.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (http, datagrams) = (listener.local_addr()?, socket.local_addr()?);
        let taken = Arc::new(AtomicU64::new(0));
        let mut running = JoinSet::new();
        running.spawn(accept(listener, taken.clone()));
        running.spawn(read(socket, taken.clone()));
        Ok(Self { http, datagrams, taken, _running: running })
    }

    /// A URL of the one that speaks HTTP.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// Its host and port.
    pub(crate) fn host(&self) -> String {
        self.http.to_string()
    }

    /// Host and port of the one for datagrams.
    pub(crate) fn datagrams(&self) -> String {
        self.datagrams.to_string()
    }

    /// Bytes that have arrived.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, taken: Arc<AtomicU64>) {
    // Dropped with this task, and with them their connections.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let taken = taken.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let taken = taken.clone();
                async move { Ok::<_, Infallible>(answer(request, &taken).await) }
            });
            // A client that goes away ends its connection.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(request: Request<Incoming>, taken: &AtomicU64) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    // Half a request is none.
    let body = body.collect().await.map(|body| body.to_bytes().len()).unwrap_or_default();
    let kind = parts.headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    let text = match (parts.method, kind) {
        (Method::GET, _) => TOKEN,
        (_, Some(kind)) if kind.starts_with(b"application/json") => "{}",
        _ => "",
    };
    taken.fetch_add(body as u64, Ordering::Relaxed);
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    if let Some(kind) = parts.headers.get(header::CONTENT_TYPE) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
    }
    response.headers_mut().insert("metadata-flavor", header::HeaderValue::from_static("Google"));
    response
}

async fn read(socket: UdpSocket, taken: Arc<AtomicU64>) {
    let mut buffer = vec![0; 65_536];
    while let Ok(length) = socket.recv(&mut buffer).await {
        taken.fetch_add(length as u64, Ordering::Relaxed);
    }
}
