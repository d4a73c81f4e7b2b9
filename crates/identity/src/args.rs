//! The flags of TLS that every port has, here as in adapters.

use std::path::PathBuf;
use std::time::Duration;

use mixer_peer_id::PeerId;

use crate::server::{ClientPolicy, ServerOptions};
use crate::source::{Authorities, Files, KeyPair, Sds, SocketPath, Source};

/// A client that has not finished its handshake by then is cut off.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The flags of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
#[command(rename_all = "camelCase", next_help_heading = "TLS")]
pub struct TlsArgs {
    /// The certificate of the gRPC port with everything up to the authority, PEM. Without any certificate the port speaks
    /// plaintext. The files of TLS are read again when they change.
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with_all = ["tls_sds", "tls_workload_api"])]
    pub tls_certificate: Option<PathBuf>,

    /// The private key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,

    /// Certificates of the authorities that clients must have a certificate of, PEM: mutual TLS. Probes need one too.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_client_ca: Option<PathBuf>,

    /// Takes certificate and authorities from the secret discovery service at this socket in place of files, as
    /// istio-agent serves it (`unix:///var/run/secrets/workload-spiffe-uds/socket`): mutual TLS.
    #[arg(long, value_name = "SOCKET", conflicts_with = "tls_workload_api")]
    pub tls_sds: Option<SocketPath>,

    /// The name of the certificate's secret at --tlsSds [default: default].
    #[arg(long, value_name = "NAME", requires = "tls_sds")]
    pub tls_sds_certificate: Option<String>,

    /// The name of the authorities' secret at --tlsSds [default: ROOTCA].
    #[arg(long, value_name = "NAME", requires = "tls_sds")]
    pub tls_sds_authorities: Option<String>,

    /// Takes certificate and authorities from the SPIFFE Workload API at this socket in place of files
    /// (`unix:///run/spire/sockets/agent.sock`): mutual TLS.
    #[arg(long, value_name = "SOCKET")]
    pub tls_workload_api: Option<SocketPath>,

    /// A client whose certificate names it may call: a SPIFFE id
    /// (`spiffe://cluster.local/ns/istio-system/sa/mixer`), the start of one (`spiffe://cluster.local/ns/mixer/*`), a
    /// trust domain (`spiffe://cluster.local`), or a DNS name (`mixer.example.com`, `*.example.com`). Several: repeat it,
    /// or separate them by commas. Without it every client of the authorities may.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub tls_allowed_client: Vec<PeerId>,

    /// Asks clients for no certificate, although --tlsSds or --tlsWorkloadApi have authorities for it.
    #[arg(long, conflicts_with_all = ["tls_allowed_client", "tls_client_ca"])]
    pub tls_any_client: bool,

    /// Serves clients that speak plaintext too, on the same port, while the others get certificates. They are checked for
    /// nothing.
    #[arg(long)]
    pub tls_permissive: bool,
}

/// Flags of TLS that make no sense together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsArgsError {
    /// A flag is missing beside another one.
    #[error("TLS needs {0} too")]
    Missing(&'static str),
    /// A flag needs certificates of clients.
    #[error(
        "{0} needs --tlsClientCa, --tlsSds or --tlsWorkloadApi: without authorities no client is who it says"
    )]
    NoAuthorities(&'static str),
    /// A flag needs TLS.
    #[error("{0} needs a certificate: --tlsCertificate and --tlsKey, --tlsSds or --tlsWorkloadApi")]
    NoTls(&'static str),
}

impl TlsArgs {
    /// What the flags mean; none when the port speaks plaintext. Files are looked at after `every`.
    ///
    /// # Errors
    /// A combination that has no meaning.
    pub fn plan(&self, every: Duration) -> Result<Option<(Source, ServerOptions)>, TlsArgsError> {
        let source = match (&self.tls_certificate, &self.tls_sds, &self.tls_workload_api) {
            (Some(certificate), ..) => {
                let key = self.tls_key.clone().ok_or(TlsArgsError::Missing("--tlsKey"))?;
                let authorities = self.tls_client_ca.clone().map_or(Authorities::None, Authorities::File);
                let own = Some(KeyPair { certificate: certificate.clone(), key });
                Source::Files(Files { own, authorities, every })
            }
            (None, Some(socket), _) => {
                let certificate = self.tls_sds_certificate.clone().unwrap_or_else(|| "default".to_owned());
                let authorities = self.tls_sds_authorities.clone().unwrap_or_else(|| "ROOTCA".to_owned());
                let authorities = (!self.tls_any_client).then_some(authorities);
                Source::Sds(Sds { socket: socket.clone(), certificate: Some(certificate), authorities })
            }
            (None, None, Some(socket)) => Source::WorkloadApi(socket.clone()),
            (None, None, None) => return self.plaintext().map(|()| None),
        };
        let asks = match &source {
            Source::Files(files) => files.authorities != Authorities::None,
            Source::Sds(_) | Source::WorkloadApi(_) => !self.tls_any_client,
        };
        if !asks && !self.tls_allowed_client.is_empty() {
            return Err(TlsArgsError::NoAuthorities("--tlsAllowedClient"));
        }
        let clients = match asks {
            true => ClientPolicy::Certificate(self.tls_allowed_client.clone()),
            false => ClientPolicy::Anybody,
        };
        Ok(Some((source, ServerOptions { clients, permissive: self.tls_permissive, timeout: HANDSHAKE })))
    }

    /// Nothing that needs TLS may be asked for in plaintext.
    fn plaintext(&self) -> Result<(), TlsArgsError> {
        let asked = [
            (self.tls_key.is_some(), "--tlsKey"),
            (self.tls_client_ca.is_some(), "--tlsClientCa"),
            (!self.tls_allowed_client.is_empty(), "--tlsAllowedClient"),
            (self.tls_any_client, "--tlsAnyClient"),
            (self.tls_permissive, "--tlsPermissive"),
        ];
        match asked.into_iter().find(|(given, _)| *given) {
            Some((_, flag)) => Err(TlsArgsError::NoTls(flag)),
            None => Ok(()),
        }
    }
}
