//! Who we are and whom we talk to: certificates from files, from Envoy's secret discovery service and from the SPIFFE
//! Workload API, each followed while the process runs; TLS for ports and for connections; and refusals that say what was
//! shown and what was expected. Rustls with ring, TLS 1.2 and 1.3, nothing that trusts everyone.

mod args;
mod client;
mod clients;
mod credentials;
mod dial;
mod facts;
mod first_byte;
mod material;
mod refused;
mod server;
mod servers;
mod source;
mod trust;

pub use args::{TlsArgs, TlsArgsError};
pub use client::{ClientTls, https};
pub use credentials::{Credentials, OnUpdate, Update};
pub use dial::{Dial, DialArgs, DialArgsError};
pub use facts::Facts;
pub use first_byte::{FirstByte, Watched};
pub use material::{Material, Own};
pub use mixer_peer_id::{ParsePeerIdError, PeerId, trust_domain};
pub use refused::{Reason, Refused};
pub use rustls_pki_types::ServerName;
pub use server::{Accepted, ClientPolicy, ServerOptions, ServerTls};
pub use servers::Expected;
pub use source::files::FileError;
pub use source::{
    Authorities, Files, KeyPair, ParseSocketPathError, RELOAD_INTERVAL, Sds, SocketPath, Source,
};
pub use tokio_rustls::rustls::{ClientConfig, RootCertStore};
pub use trust::{Choice, Trust, roots_of, roots_of_pem, system_roots};

/// The protocol that is agreed on in the handshake.
const ALPN: &[u8] = b"h2";
