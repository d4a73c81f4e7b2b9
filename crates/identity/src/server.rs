//! TLS of a port: shows the certificate of this moment, and lets in whom it should.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mixer_peer_id::PeerId;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::NoServerSessionStorage;
use tokio_rustls::server::TlsStream;

use crate::ALPN;
use crate::clients::Clients;
use crate::credentials::Credentials;
use crate::first_byte::Watched;
use crate::material::Material;
use crate::refused::{Reason, Refused, with_story};

/// A fatal alert of TLS: unexpected message.
const ALERT: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 10];

/// How long, and how much, is read of a client that is turned away.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 64 << 10;

/// What clients have to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientPolicy {
    /// Nothing: TLS with a certificate of the server alone.
    Anybody,
    /// A certificate of a trusted authority with one of these names; any name when there is none.
    Certificate(Vec<PeerId>),
}

/// How a port speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// What clients have to show.
    pub clients: ClientPolicy,
    /// Whether clients that speak plaintext are served too.
    pub permissive: bool,
    /// A client that has not finished its handshake by then is cut off.
    pub timeout: Duration,
}

/// TLS of a port. Open connections stay as they are when certificates change.
pub struct ServerTls {
    credentials: Credentials,
    options: ServerOptions,
    built: Mutex<Option<Built>>,
}

type Built = (Arc<Material>, Result<Arc<ServerConfig>, Arc<str>>);

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("options", &self.options).finish_non_exhaustive()
    }
}

/// A connection that may be served.
#[derive(Debug)]
pub enum Accepted<I> {
    /// In TLS.
    Tls(Box<TlsStream<Watched<I>>>),
    /// In plaintext, on a permissive port.
    Plaintext(Watched<I>),
}

impl ServerTls {
    /// TLS with these certificates.
    pub fn new(credentials: Credentials, options: ServerOptions) -> Self {
        Self { credentials, options, built: Mutex::new(None) }
    }

    /// Where its certificates come from.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Whether clients that speak plaintext are served too.
    pub fn is_permissive(&self) -> bool {
        self.options.permissive
    }

    /// What new connections use.
    fn config(&self) -> Result<(Arc<Material>, Arc<ServerConfig>), Arc<str>> {
        let material = self.credentials.get()?;
        let mut built = self.built.lock();
        if let Some((of, config)) = &*built
            && Arc::ptr_eq(of, &material)
        {
            return Ok((material.clone(), config.clone()?));
        }
        let config = build(&material, &self.options.clients).map(Arc::new).map_err(Arc::from);
        *built = Some((material.clone(), config.clone()));
        Ok((material, config?))
    }

    /// The handshake with a client.
    ///
    /// # Errors
    /// The client was refused, went away or took too long.
    pub async fn accept<I>(&self, io: I) -> Result<Accepted<I>, Refused>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let timeout = self.options.timeout;
        let late = |_| {
            Refused::new(
                Reason::Timeout,
                format!("the client did not finish its handshake within {timeout:?}"),
            )
        };
        tokio::time::timeout(timeout, self.greet(io)).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
    }

    async fn greet<I>(&self, io: I) -> Result<Accepted<I>, Refused>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let closed =
            |error| Refused::new(Reason::Closed, format!("the client went away before it began: {error}"));
        let (is_tls, io) = Watched::peek(io).await.map_err(closed)?;
        if !is_tls {
            return match self.options.permissive {
                true => Ok(Accepted::Plaintext(io)),
                false => {
                    turn_away(io).await;
                    Err(Refused::new(
                        Reason::Plaintext,
                        "the client speaks plaintext and this port wants TLS; give the client certificates",
                    ))
                }
            };
        }
        let unready = |reason: Arc<str>| {
            Refused::new(Reason::NotReady, format!("this port has no certificate: {reason}"))
        };
        let (material, config) = self.config().map_err(unready)?;
        let stream = with_story(TlsAcceptor::from(config).accept(io), &material.shown()).await?;
        Ok(Accepted::Tls(Box::new(stream)))
    }
}

/// Tells a client that speaks plaintext what is spoken here. What it has sent is read, or the system would take the alert back.
async fn turn_away<I: AsyncRead + AsyncWrite + Unpin>(mut io: I) {
    // That the client does not listen is no news.
    if io.write_all(&ALERT).await.is_ok() && io.shutdown().await.is_ok() {
        let mut rest = io.take(LINGER_BYTES);
        let _ = tokio::time::timeout(LINGER, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
    }
}

/// TLS 1.2 and 1.3. Sessions are not resumed: a certificate that was good is not asked for again then.
fn build(material: &Material, clients: &ClientPolicy) -> Result<ServerConfig, String> {
    let own = material.own.as_ref().ok_or("the port has no certificate of its own")?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match clients {
        ClientPolicy::Anybody => builder.with_no_client_auth(),
        ClientPolicy::Certificate(allowed) => {
            builder.with_client_cert_verifier(Arc::new(Clients::new(&material.trust, allowed)?))
        }
    };
    let mut config = builder.with_cert_resolver(own.resolver());
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
