//! The HTTP client of backends: POST with gzip, through proxies, with TLS of the operator's choice, and what an answer means.
//! Only certificates of known authorities are trusted; there is no switch that trusts everyone.

mod classify;
mod credential;
mod proxy;
pub(super) mod rotating;
pub(super) mod tls;

use std::error::Error as _;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use ::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use mixer_identity::{FileError, Material};

use super::retry::parse_retry_after;
use crate::secret::DEFAULT_RELOAD_INTERVAL;
use rotating::Rotating;

pub use credential::{Credential, CredentialError};
pub use proxy::ProxySettings;
pub use tls::ClientCertificate;
pub use url::Url;

/// Of longer answers only the beginning is read.
const MAX_ANSWER: usize = 64 << 10;

/// How a client connects.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// How long a request may take in all.
    pub timeout: Duration,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// Certificates of the only authorities that are trusted, PEM; those of the system when there is none.
    pub ca_file: Option<PathBuf>,
    /// Who we are, for servers that ask.
    pub client_certificate: Option<ClientCertificate>,
    /// Which proxies to use.
    pub proxy: ProxySettings,
    /// The header `User-Agent`.
    pub user_agent: String,
    /// How often the files of certificates and keys are looked at for changes.
    pub reload_interval: Duration,
}

impl Default for HttpOptions {
    /// 15 seconds for a request, 5 for the connection, no proxy, authorities of the system.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(5),
            ca_file: None,
            client_certificate: None,
            proxy: ProxySettings::default(),
            user_agent: concat!("mixer-adapter-sdk/", env!("CARGO_PKG_VERSION")).to_owned(),
            reload_interval: DEFAULT_RELOAD_INTERVAL,
        }
    }
}

/// Options that make no client.
#[derive(Debug, thiserror::Error)]
pub enum HttpOptionsError {
    /// A file of certificates or keys cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The address of a proxy is not one.
    #[error("the address of the {0} proxy is not a URL; write it as http://host:port")]
    Proxy(&'static str),
    /// TLS or the client cannot be set up.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

/// Sends payloads. Cheap to clone; clones share their connections. When a file of certificates changes, new connections use
/// what it holds then.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Rotating<reqwest::Client>,
}

impl HttpClient {
    /// Reads the files of certificates, and connects to nothing yet.
    ///
    /// # Errors
    ///
    /// A file or the address of a proxy is not usable.
    pub fn new(options: &HttpOptions) -> Result<Self, HttpOptionsError> {
        let (files, options) = (options.files(), options.clone());
        Ok(Self { client: Rotating::new(files, move |material| client(&options, material))? })
    }

    /// Sends a body once.
    ///
    /// # Errors
    ///
    /// There was no answer.
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Bytes) -> Result<Answer, NoAnswer> {
        answer(self.client.get().post(url.clone()).headers(headers).body(body)).await
    }

    /// Asks once, as for tokens and for what a server tells about the machine.
    ///
    /// # Errors
    ///
    /// There was no answer.
    pub async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Answer, NoAnswer> {
        answer(self.client.get().get(url.clone()).headers(headers)).await
    }
}

fn client(options: &HttpOptions, material: &Material) -> Result<reqwest::Client, HttpOptionsError> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config(material)?)
        .timeout(options.timeout)
        .connect_timeout(options.connect_timeout)
        .user_agent(&options.user_agent)
        // A payload goes where the operator said, with its credential, and nowhere else.
        .redirect(reqwest::redirect::Policy::none())
        // Retries are the engine's, which counts them.
        .retry(reqwest::retry::never());
    let builder = options.proxy.apply(builder)?;
    builder.build().map_err(|error| HttpOptionsError::Client(chain(error)))
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Answer, NoAnswer> {
    let mut response = request.send().await.map_err(|error| NoAnswer(chain(error)))?;
    let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|value| parse_retry_after(value, SystemTime::now()));
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = BytesMut::new();
    // The status has been said; what follows is only for the log.
    while let Ok(Some(part)) = response.chunk().await {
        let room = MAX_ANSWER.saturating_sub(body.len());
        body.extend_from_slice(part.get(..room).unwrap_or(&part));
        if room <= part.len() {
            break;
        }
    }
    Ok(Answer { status, headers, retry_after, body: body.freeze() })
}

/// What a backend answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The header `Retry-After`, as a wait from now.
    pub retry_after: Option<Duration>,
    /// The first 64 KiB of the body.
    pub body: Bytes,
}

/// There was no answer: no connection, no TLS, or it broke off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(String);

/// An error and what caused it, without the URL, which may hold a secret.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a text does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// Compresses a body for `Content-Encoding: gzip`.
pub fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default().into()
}

/// Reads what [`gzip`] has made; none when it is something else, or more than `limit` bytes.
pub fn gunzip(body: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let more = (limit as u64).saturating_add(1);
    GzDecoder::new(body).take(more).read_to_end(&mut plain).ok()?;
    (plain.len() <= limit).then_some(plain)
}
