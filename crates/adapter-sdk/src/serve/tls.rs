//! TLS of the gRPC port: none, with a certificate of the server, or with one of the client too. Files that change are
//! used for new connections; those that are open stay open.

mod client;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::error::ServeError;

pub use client::{ClientId, ParseClientIdError};

/// The protocol that is agreed on in the handshake.
const ALPN: &[u8] = b"h2";

/// The flags of TLS.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(rename_all = "camelCase")]
pub struct TlsArgs {
    /// The certificate of the gRPC port with everything up to the authority, PEM. Without it the port speaks
    /// plaintext. The files of TLS are read again when they change.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,

    /// The private key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,

    /// Certificates of the authorities that clients must have a certificate of, PEM: mutual TLS. Probes need one too.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_client_ca: Option<PathBuf>,

    /// A client whose certificate names it may call: a SPIFFE id
    /// (`spiffe://cluster.local/ns/istio-system/sa/mixer`), the start of one (`spiffe://cluster.local/ns/mixer/*`), or
    /// a DNS name (`mixer.example.com`, `*.example.com`). Several: repeat it, or separate them by commas. Without it
    /// every client of the authorities may.
    #[arg(long, value_name = "ID", value_delimiter = ',', requires = "tls_client_ca")]
    pub tls_allowed_client: Vec<ClientId>,
}

impl TlsArgs {
    /// The files that are watched.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        [&self.tls_certificate, &self.tls_key, &self.tls_client_ca].into_iter().flatten().cloned().collect()
    }
}

/// The configuration of TLS as it is now.
pub(super) struct Tls {
    args: TlsArgs,
    current: ArcSwap<ServerConfig>,
}

impl Tls {
    /// TLS when the flags ask for it.
    pub(super) fn new(args: &TlsArgs) -> Result<Option<Arc<Self>>, ServeError> {
        if args.tls_certificate.is_none() {
            return Ok(None);
        }
        let current = ArcSwap::from_pointee(load(args)?);
        Ok(Some(Arc::new(Self { args: args.clone(), current })))
    }

    pub(super) fn reload(&self) -> Result<(), ServeError> {
        self.current.store(Arc::new(load(&self.args)?));
        Ok(())
    }

    /// For the next connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.current.load_full().into()
    }
}

fn load(args: &TlsArgs) -> Result<ServerConfig, ServeError> {
    let certificate = required(args.tls_certificate.as_ref(), "--tlsCertificate")?;
    let key_file = required(args.tls_key.as_ref(), "--tlsKey")?;
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| unusable(key_file, error))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(certificate, error))?;
    let builder = match &args.tls_client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(file)? {
                roots.add(authority).map_err(|error| unusable(file, error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            let verifier = verifier.map_err(|error| unusable(file, error))?;
            builder.with_client_cert_verifier(client::allow(verifier, &args.tls_allowed_client))
        }
    };
    let config = builder.with_single_cert(chain, key);
    let mut config = config.map_err(|error| unusable(certificate, error))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

/// A verifier that can be shared.
type Verifier = Arc<dyn ClientCertVerifier>;

fn required<'a>(file: Option<&'a PathBuf>, flag: &'static str) -> Result<&'a Path, ServeError> {
    file.map(PathBuf::as_path).ok_or(ServeError::TlsFileMissing(flag))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ServeError> {
    let read = CertificateDer::pem_file_iter(file).map_err(|error| unusable(file, error))?;
    let certificates: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| unusable(file, error))?;
    if certificates.is_empty() {
        return Err(unusable(file, "it holds no certificate"));
    }
    Ok(certificates)
}

fn unusable(file: &Path, error: impl std::fmt::Display) -> ServeError {
    ServeError::TlsFile { file: file.to_owned(), message: error.to_string() }
}
