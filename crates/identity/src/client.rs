//! TLS towards a server: shows the certificate of this moment, if there is one, and goes on only with the right server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore};

use crate::ALPN;
use crate::credentials::Credentials;
use crate::material::{Material, Own};
use crate::refused::{Reason, Refused, with_story};
use crate::servers::{Expected, Servers};

/// With TLS 1.3 a client hears that its certificate was refused only when it reads. Servers of HTTP/2 speak first; one that
/// does not for so long is taken as it is.
const VERDICT: Duration = Duration::from_secs(1);

/// TLS towards a server.
pub struct ClientTls {
    credentials: Credentials,
    name: ServerName<'static>,
    expected: Expected,
    built: Mutex<Option<(Arc<Material>, Arc<ClientConfig>)>>,
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls")
            .field("name", &self.name)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

impl ClientTls {
    /// TLS with these certificates, asking for the server of this name (SNI), which has to be who is expected.
    pub fn new(credentials: Credentials, name: ServerName<'static>, expected: Expected) -> Self {
        Self { credentials, name, expected, built: Mutex::new(None) }
    }

    /// Where its certificates come from.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    fn config(&self, material: &Arc<Material>) -> Result<Arc<ClientConfig>, Refused> {
        let mut built = self.built.lock();
        if let Some((of, config)) = &*built
            && Arc::ptr_eq(of, material)
        {
            return Ok(config.clone());
        }
        let config = build(material, Servers::new(material, &self.expected));
        let config = Arc::new(config.map_err(|text| Refused::new(Reason::NotReady, text))?);
        *built = Some((material.clone(), config.clone()));
        Ok(config)
    }

    /// The handshake with a server.
    ///
    /// # Errors
    /// There is no certificate, one side refused the other, or the server does not speak TLS.
    pub async fn connect<I>(&self, io: I) -> Result<TlsStream<I>, Refused>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let unready =
            |reason: Arc<str>| Refused::new(Reason::NotReady, format!("there are no certificates: {reason}"));
        let material = self.credentials.get().map_err(unready)?;
        let connector = TlsConnector::from(self.config(&material)?);
        let shown = material.shown();
        let mut stream = with_story(connector.connect(self.name.clone(), io), &shown).await?;
        let is_certain = stream.get_ref().1.protocol_version() != Some(ProtocolVersion::TLSv1_3);
        if material.own.is_some() && !is_certain {
            match tokio::time::timeout(VERDICT, stream.fill_buf()).await {
                Ok(Err(error)) => return Err(Refused::of_handshake(&error, &shown)),
                Ok(Ok([])) => {
                    let text = format!("the server closed the connection after it was shown {shown}");
                    return Err(Refused::new(Reason::Closed, text));
                }
                Ok(Ok(_)) | Err(_) => {}
            }
        }
        Ok(stream)
    }
}

/// TLS 1.2 and 1.3. Sessions are not resumed: the server would not be looked at again then.
fn build(material: &Material, servers: Servers) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        // Not less than the usual check: authorities first, and then names, which may be SPIFFE ids.
        .with_custom_certificate_verifier(Arc::new(servers));
    let mut config = match &material.own {
        Some(own) => builder.with_client_cert_resolver(own.resolver()),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// TLS for a client of HTTP that trusts these authorities, checks host names, and shows its own certificate to a server that
/// asks.
///
/// # Errors
/// TLS cannot be set up.
pub fn https(roots: impl Into<Arc<RootCertStore>>, own: Option<&Own>) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = builder.with_root_certificates(roots);
    Ok(match own {
        Some(own) => builder.with_client_cert_resolver(own.resolver()),
        None => builder.with_no_client_auth(),
    })
}
