//! An adapter that only keeps the message it was called with: the bytes that a server sends for a report.

use std::future::ready;

use bytes::Bytes;
use mixer_rpc::raw::HandlerService;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Status};

const HANDLE_METRIC: &str = "/metric.HandleMetricService/HandleMetric";

/// A running adapter; it ends when it is dropped.
pub(crate) struct Capture {
    /// Its port on loopback.
    pub(crate) port: u16,
    messages: Receiver<Bytes>,
    server: JoinHandle<()>,
}

impl Capture {
    /// Starts one.
    ///
    /// # Errors
    /// There is no free port.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (sender, messages) = channel(16);
        let service = HandlerService::new().method(HANDLE_METRIC, move |request: Request<Bytes>| {
            let kept = sender.try_send(request.into_inner());
            ready(kept.map(|()| Bytes::new()).map_err(|_| Status::resource_exhausted("too many calls")))
        });
        let routes = service.mount(Routes::default());
        let server = tokio::spawn(async move {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            // It ends with the benchmark; nobody could be told of an error.
            let _ = Server::builder().add_routes(routes).serve_with_incoming(incoming).await;
        });
        Ok(Self { port, messages, server })
    }

    /// The messages that have arrived since it was asked last.
    pub(crate) fn take(&mut self) -> Vec<Bytes> {
        std::iter::from_fn(|| self.messages.try_recv().ok()).collect()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.server.abort();
    }
}
