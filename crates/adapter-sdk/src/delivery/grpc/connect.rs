//! Connections for gRPC: directly or through an HTTP proxy, with TLS of the operator's choice.

use std::sync::Arc;

use ::http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tower::ServiceExt as _;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A connection that gRPC can use.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects to one backend.
#[derive(Clone)]
pub(super) struct Connector {
    target: Uri,
    tls: Option<TlsConnector>,
    proxies: Arc<Matcher>,
}

impl Connector {
    pub(super) fn new(target: Uri, tls: Option<ClientConfig>, proxies: Matcher) -> Self {
        let tls = tls.map(|mut config| {
            config.alpn_protocols = vec![b"h2".to_vec()];
            TlsConnector::from(Arc::new(config))
        });
        Self { target, tls, proxies: Arc::new(proxies) }
    }

    /// Makes a connection.
    pub(super) async fn connect(self) -> Result<TokioIo<Box<dyn Stream>>, Error> {
        let tcp = HttpConnector::new();
        let stream = match self.proxies.intercept(&self.target) {
            None => {
                let mut tcp = tcp;
                tcp.enforce_http(false);
                tcp.oneshot(self.target.clone()).await?
            }
            Some(proxy) => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
                if let Some(auth) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(auth.clone());
                }
                tunnel.oneshot(self.target.clone()).await?
            }
        };
        let stream = stream.into_inner();
        stream.set_nodelay(true)?;
        let Some(tls) = self.tls else { return Ok(TokioIo::new(Box::new(stream))) };
        let host = self.target.host().unwrap_or_default();
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
        Ok(TokioIo::new(Box::new(tls.connect(name, stream).await?)))
    }
}
