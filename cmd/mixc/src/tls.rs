//! TLS towards Mixer: whom to trust, who has to answer, and who we are.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use hyper_util::rt::TokioIo;
use mixer_identity::{
    Authorities, ClientTls, Credentials, Expected, Files, KeyPair, PeerId, ServerName, Source,
};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint, Uri};

/// Files do not change while the program runs, as far as it is concerned.
const EVERY: Duration = Duration::from_secs(3600);

/// Flags of TLS.
#[derive(Args, Clone, Debug)]
pub(crate) struct TlsArgs {
    /// Calls over TLS; the server's certificate has to be of an authority of the system or of --tls_ca.
    #[arg(long)]
    tls: bool,

    /// The only authorities that are trusted, PEM.
    #[arg(long = "tls_ca", value_name = "FILE", requires = "tls")]
    tls_ca: Option<PathBuf>,

    /// Our own certificate, for servers that ask for one, PEM.
    #[arg(long = "tls_certificate", value_name = "FILE", requires_all = ["tls", "tls_key"])]
    tls_certificate: Option<PathBuf>,

    /// The private key of the certificate, PEM.
    #[arg(long = "tls_key", value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,

    /// The host that the server's certificate has to be for, when it is not that of --mixer.
    #[arg(long = "tls_server_name", value_name = "HOST", requires = "tls")]
    tls_server_name: Option<String>,

    /// A name that the server's certificate has to have in place of its host: a SPIFFE id, the start of one, a trust domain or
    /// a DNS name. Several: repeat it, or separate them by commas.
    #[arg(long = "tls_allowed_server", value_name = "ID", value_delimiter = ',', requires = "tls")]
    tls_allowed_server: Vec<PeerId>,
}

/// What the flags mean.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    files: Files,
    name: ServerName<'static>,
    expected: Expected,
    address: String,
}

impl TlsArgs {
    /// What the flags mean for `--mixer` and its endpoint; none for plaintext.
    ///
    /// # Errors
    /// The endpoint is no host and port.
    pub(crate) fn plan(&self, target: &str, endpoint: &Endpoint) -> anyhow::Result<Option<Tls>> {
        if !self.tls {
            return Ok(None);
        }
        let uri = endpoint.uri();
        let authority = uri.authority().map(ToString::to_string);
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        ensure!(!host.is_empty() && !target.starts_with("unix:"), "TLS needs --mixer as host:port");
        let name = self.tls_server_name.clone().unwrap_or_else(|| host.to_owned());
        let name = ServerName::try_from(name).context("--tls_server_name is no host name")?;
        let own = self.tls_certificate.clone().zip(self.tls_key.clone());
        let own = own.map(|(certificate, key)| KeyPair { certificate, key });
        let authorities = self.tls_ca.clone().map_or(Authorities::System, Authorities::File);
        let expected = match self.tls_allowed_server.as_slice() {
            [] => Expected::Host(name.clone()),
            ids => Expected::Ids(ids.to_vec()),
        };
        let files = Files { own, authorities, every: EVERY };
        Ok(Some(Tls { files, name, expected, address: authority.unwrap_or_default() }))
    }
}

impl Tls {
    /// A connection that comes about with the first call.
    ///
    /// # Errors
    /// A file cannot be used.
    pub(crate) async fn channel(&self, endpoint: &Endpoint) -> anyhow::Result<Channel> {
        self.files.read().await?;
        let source = Source::Files(self.files.clone());
        let credentials = Credentials::start(source, "mixc", Box::new(|_| {})).await;
        let tls = Arc::new(ClientTls::new(credentials, self.name.clone(), self.expected.clone()));
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
