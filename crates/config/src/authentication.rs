//! How a connection to an adapter proves who is at its ends: certificates, names and tokens, checked. Secrets are named by
//! their files; no value of one is ever here.

use mixer_peer_id::PeerId;

/// TLS of a connection, and the token of its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// Our own certificate and the authorities that are trusted.
    pub certificates: Certificates,
    /// The name that the server is asked for (SNI), and perhaps checked for; the host of the address without it.
    pub server_name: Option<String>,
    /// Who the server has to be.
    pub expected: ExpectedServer,
    /// What each call carries.
    pub token: Option<Token>,
}

/// Where certificates come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// Files, PEM, absolute paths.
    Files {
        /// Our own certificate and its private key.
        own: Option<OwnFiles>,
        /// The authorities; those of the system without it.
        authorities: Option<String>,
        /// The authorities of the system beside those of the file.
        with_system: bool,
    },
    /// Envoy's secret discovery service.
    Sds {
        /// Its socket file.
        socket: String,
        /// The name of our own certificate.
        certificate: String,
        /// The name of the authorities.
        authorities: String,
    },
    /// The SPIFFE Workload API.
    WorkloadApi {
        /// Its socket file.
        socket: String,
    },
}

/// Files of our own certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFiles {
    /// The certificate with everything up to the authority.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// Who a server has to be, besides known to an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedServer {
    /// One of these.
    Ids(Vec<PeerId>),
    /// The host that `server_name` or the address names.
    Host,
    /// Somebody with our own SPIFFE id.
    OwnId,
    /// Somebody with our own SPIFFE id; without one of our own, the host that the address names.
    OwnIdOrHost,
}

/// A token that calls carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Where it comes from.
    pub source: TokenSource,
    /// How it is sent.
    pub header: TokenHeader,
}

/// Where a token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// A file, absolute path.
    File(String),
    /// A token endpoint, by client credentials.
    OAuth(OAuth),
}

/// How a token is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenHeader {
    /// `authorization: TOKEN`
    Plain,
    /// `authorization: Bearer TOKEN`
    Bearer,
    /// `authorization: TYPE TOKEN` with the type that the token endpoint says.
    AsIssued,
    /// A header of this name with nothing but the token.
    Custom(String),
}

/// Client credentials of OAuth 2 (RFC 6749, section 4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth {
    /// Who we are.
    pub client_id: String,
    /// The file with our secret, absolute path.
    pub client_secret: String,
    /// The token endpoint: `https://`, or `http://` on loopback.
    pub token_url: String,
    /// What the token is for.
    pub scopes: Vec<String>,
    /// What the endpoint wants to know besides.
    pub endpoint_params: Vec<(String, String)>,
}
