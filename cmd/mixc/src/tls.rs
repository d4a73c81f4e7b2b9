//! TLS towards Mixer, over which calls go.

use std::sync::Arc;

use hyper_util::rt::TokioIo;
use mixer_identity::{Dial, DialArgs};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint, Uri};

/// What the flags mean.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    dial: Dial,
    address: String,
}

/// What the flags mean for `--mixer` and its endpoint; none for plaintext.
///
/// # Errors
/// The endpoint is no host and port, or there is no name for the server.
pub(crate) fn plan(flags: &DialArgs, target: &str, endpoint: &Endpoint) -> anyhow::Result<Option<Tls>> {
    let uri = endpoint.uri();
    let host = if target.starts_with("unix:") { None } else { uri.host() };
    let host = host.unwrap_or_default().trim_matches(['[', ']']);
    let address = uri.authority().map(ToString::to_string).unwrap_or_default();
    Ok(flags.plan(host, "--mixer")?.map(|dial| Tls { dial, address }))
}

impl Tls {
    /// A connection that comes about with the first call.
    ///
    /// # Errors
    /// A file cannot be used.
    pub(crate) async fn channel(&self, endpoint: &Endpoint) -> anyhow::Result<Channel> {
        let tls = Arc::new(self.dial.client("mixc").await?);
        let origin: Uri = format!("https://{}", self.address).parse()?;
        let address = self.address.clone();
        let connector = tower::service_fn(move |_: Uri| {
            let (tls, address) = (tls.clone(), address.clone());
            async move {
                let stream = TcpStream::connect(&address).await?;
                stream.set_nodelay(true)?;
                let stream = tls.connect(stream).await.map_err(std::io::Error::other)?;
                Ok::<_, std::io::Error>(TokioIo::new(stream))
            }
        });
        Ok(endpoint.clone().origin(origin).connect_with_connector_lazy(connector))
    }
}
