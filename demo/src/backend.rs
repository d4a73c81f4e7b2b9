//! An HTTP backend that answers every request with its name.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running backend; it ends with the demo's runtime.
pub(crate) async fn serve(name: &'static str, port: u16) -> anyhow::Result<JoinHandle<()>> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let answer = service_fn(move |_: Request<Incoming>| async move {
                    let body = Full::new(Bytes::from(format!("hello from backend {name}\n")));
                    Ok::<_, Infallible>(Response::new(body))
                });
                // A client that hangs up is not the backend's business.
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
            });
        }
    }))
}
