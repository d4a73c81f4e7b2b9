//! Where certificates come from.

pub(crate) mod backoff;
pub(crate) mod files;
pub(crate) mod sds;
pub(crate) mod workload;

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::credentials::Feed;

/// How often files are looked at.
pub const RELOAD_INTERVAL: Duration = Duration::from_secs(10);

/// Where certificates come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Files, looked at from time to time.
    Files(Files),
    /// Envoy's secret discovery service, as istio-agent serves it.
    Sds(Sds),
    /// The Workload API of SPIFFE, as SPIRE serves it.
    WorkloadApi(SocketPath),
}

/// Files of certificates, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Our own certificate and its key.
    pub own: Option<KeyPair>,
    /// Whom we trust.
    pub authorities: Authorities,
    /// How often they are looked at.
    pub every: Duration,
}

/// A certificate with everything up to the authority, and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The key's file.
    pub key: PathBuf,
}

/// Which authorities are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorities {
    /// None: nobody is asked for a certificate.
    None,
    /// Those of the operating system.
    System,
    /// Those of a file: several while one follows another.
    File(PathBuf),
    /// Those of a file and of the operating system.
    FileAndSystem(PathBuf),
}

impl Authorities {
    fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::File(file) | Self::FileAndSystem(file) => Some(file),
            Self::None | Self::System => None,
        }
    }

    fn with_system(&self) -> bool {
        matches!(self, Self::System | Self::FileAndSystem(_))
    }
}

/// Secrets of a discovery service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sds {
    /// Where it is served.
    pub socket: SocketPath,
    /// The name of our own certificate (`default`); none when we need none.
    pub certificate: Option<String>,
    /// The name of the authorities (`ROOTCA`); none when nobody is asked for a certificate.
    pub authorities: Option<String>,
}

/// A socket file, written `unix:///path` or as an absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketPath(PathBuf);

/// A text that names no socket file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no socket file; write unix:///absolute/path")]
pub struct ParseSocketPathError(String);

impl FromStr for SocketPath {
    type Err = ParseSocketPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix:")).unwrap_or(text);
        match path.starts_with('/') && !path.trim_matches('/').is_empty() {
            true => Ok(Self(path.into())),
            false => Err(ParseSocketPathError(text.to_owned())),
        }
    }
}

impl fmt::Display for SocketPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix://{}", self.0.display())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(files) => {
                let own = files.own.as_ref().map(|own| &own.certificate);
                let names: Vec<_> = own
                    .into_iter()
                    .chain(files.authorities.file())
                    .map(|file| file.display().to_string())
                    .collect();
                match names.is_empty() {
                    true => f.write_str("the system"),
                    false => f.write_str(&names.join(" and ")),
                }
            }
            Self::Sds(sds) => write!(f, "the secret discovery service at {}", sds.socket),
            Self::WorkloadApi(socket) => write!(f, "the SPIFFE Workload API at {socket}"),
        }
    }
}

type Following = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Source {
    /// Reads what can be read at once; the rest, and what comes later, is the future that is returned.
    pub(crate) async fn follow(self, feed: Arc<Feed>) -> Following {
        match self {
            Self::Files(files) => {
                let watch = files::Watch::start(files, feed).await;
                Box::pin(watch.run())
            }
            Self::Sds(sds) => Box::pin(sds::follow(sds, feed)),
            Self::WorkloadApi(socket) => Box::pin(workload::follow(socket, feed)),
        }
    }
}
