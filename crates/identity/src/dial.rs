//! The flags of TLS that command-line clients have, and what they mean: one connection at a time, files read once.

use std::path::PathBuf;
use std::time::Duration;

use mixer_peer_id::PeerId;
use rustls_pki_types::ServerName;

use crate::client::ClientTls;
use crate::credentials::Credentials;
use crate::servers::Expected;
use crate::source::files::FileError;
use crate::source::{Authorities, Files, KeyPair, Source};

/// Files do not change while the program runs, as far as it is concerned.
const EVERY: Duration = Duration::from_secs(3600);

/// Flags of TLS towards a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct DialArgs {
    /// Calls over TLS; the server's certificate has to be of an authority of the system or of --tls_ca.
    #[arg(long)]
    pub tls: bool,

    /// The only authorities that are trusted, PEM.
    #[arg(long = "tls_ca", value_name = "FILE", requires = "tls")]
    pub tls_ca: Option<PathBuf>,

    /// Our own certificate, for servers that ask for one, PEM.
    #[arg(long = "tls_certificate", value_name = "FILE", requires_all = ["tls", "tls_key"])]
    pub tls_certificate: Option<PathBuf>,

    /// The private key of the certificate, PEM.
    #[arg(long = "tls_key", value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,

    /// The host that the server's certificate has to be for, when it is not that of the address.
    #[arg(long = "tls_server_name", value_name = "HOST", requires = "tls")]
    pub tls_server_name: Option<String>,

    /// A name that the server's certificate has to have in place of its host: a SPIFFE id, the start of one, a trust domain or
    /// a DNS name. Several: repeat it, or separate them by commas.
    #[arg(long = "tls_allowed_server", value_name = "ID", value_delimiter = ',', requires = "tls")]
    pub tls_allowed_server: Vec<PeerId>,
}

/// Flags of TLS that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialArgsError {
    /// The address has no host that a certificate could be for.
    #[error("TLS needs {0} as host:port")]
    NoHost(&'static str),
    /// The name is none.
    #[error("{0:?} is no host name that a certificate could be for; see --tls_server_name")]
    Name(String),
}

/// What [`DialArgs`] mean for one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    files: Files,
    name: ServerName<'static>,
    expected: Expected,
}

impl DialArgs {
    /// What the flags mean for a host, without brackets or port, that the flag `address` named; none for plaintext.
    ///
    /// # Errors
    /// There is no name to look for in the server's certificate.
    pub fn plan(&self, host: &str, address: &'static str) -> Result<Option<Dial>, DialArgsError> {
        if !self.tls {
            return Ok(None);
        }
        if host.is_empty() {
            return Err(DialArgsError::NoHost(address));
        }
        let name = self.tls_server_name.clone().unwrap_or_else(|| host.to_owned());
        let name = ServerName::try_from(name.clone()).map_err(|_| DialArgsError::Name(name))?;
        let own = self.tls_certificate.clone().zip(self.tls_key.clone());
        let own = own.map(|(certificate, key)| KeyPair { certificate, key });
        let authorities = self.tls_ca.clone().map_or(Authorities::System, Authorities::File);
        let expected = match self.tls_allowed_server.as_slice() {
            [] => Expected::Host(name.clone()),
            ids => Expected::Ids(ids.to_vec()),
        };
        Ok(Some(Dial { files: Files { own, authorities, every: EVERY }, name, expected }))
    }
}

impl Dial {
    /// Reads the files; the messages of refusals call this side `who`.
    ///
    /// # Errors
    /// A file cannot be used.
    pub async fn client(&self, who: &'static str) -> Result<ClientTls, FileError> {
        self.files.read().await?;
        let source = Source::Files(self.files.clone());
        let credentials = Credentials::start(source, who, Box::new(|_| {})).await;
        Ok(ClientTls::new(credentials, self.name.clone(), self.expected.clone()))
    }
}
