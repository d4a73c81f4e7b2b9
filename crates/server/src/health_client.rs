//! Asks the health service of a running server, for probes that run a command.

use std::path::PathBuf;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use mixer_identity::{ClientTls, Refused};
use tokio::net::{TcpStream, UnixStream};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// Why a server is not well, as far as a client can tell.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// Nobody answers there, or the address is none.
    #[error("cannot connect to {address}: {source}; is the server running and is this its gRPC address?")]
    Connect {
        /// Where.
        address: String,
        /// The cause.
        source: tonic::transport::Error,
    },
    /// The two sides did not agree on a TLS connection.
    #[error("{address}: {source}")]
    Tls {
        /// Where.
        address: String,
        /// Who refused whom, and why.
        source: Refused,
    },
    /// It was a connection over TLS, and nobody answers there.
    #[error("cannot connect to {address}: {source}; is the server running and is this its gRPC address?")]
    Dial {
        /// Where.
        address: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The call failed.
    #[error("the health service at {address} answers {code:?}: {message}")]
    Call {
        /// Where.
        address: String,
        /// The status.
        code: tonic::Code,
        /// The status.
        message: String,
    },
    /// It says that it is not ready.
    #[error("the server at {address} is not serving; its monitoring port says at /readyz what it waits for")]
    NotServing {
        /// Where.
        address: String,
    },
    /// No answer in time.
    #[error("no answer from {address} within {timeout:?}")]
    Timeout {
        /// Where.
        address: String,
        /// How long it was waited.
        timeout: Duration,
    },
}

/// Asks the server at `host:port` or `unix:///path` whether it serves.
///
/// # Errors
/// It does not, or cannot be asked.
pub async fn check(address: &str, timeout: Duration) -> Result<(), HealthError> {
    let asked = async {
        let channel = connect(address).await.map_err(|source| refused(address, source))?;
        ask(address, channel).await
    };
    in_time(address, timeout, asked).await
}

/// Asks the server at `host:port` over TLS whether it serves.
///
/// # Errors
/// It does not, or cannot be asked.
pub async fn check_tls(address: &str, tls: &ClientTls, timeout: Duration) -> Result<(), HealthError> {
    let asked = async { ask(address, connect_tls(address, tls).await?).await };
    in_time(address, timeout, asked).await
}

async fn in_time(
    address: &str,
    timeout: Duration,
    asked: impl Future<Output = Result<(), HealthError>>,
) -> Result<(), HealthError> {
    let asked = tokio::time::timeout(timeout, asked).await;
    asked.unwrap_or_else(|_| Err(HealthError::Timeout { address: address.to_owned(), timeout }))
}

async fn ask(address: &str, channel: Channel) -> Result<(), HealthError> {
    let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
    let answer = answer.map_err(|status| HealthError::Call {
        address: address.to_owned(),
        code: status.code(),
        message: status.message().to_owned(),
    })?;
    if answer.into_inner().status != ServingStatus::Serving as i32 {
        return Err(HealthError::NotServing { address: address.to_owned() });
    }
    Ok(())
}

fn refused(address: &str, source: tonic::transport::Error) -> HealthError {
    HealthError::Connect { address: address.to_owned(), source }
}

async fn connect(address: &str) -> Result<Channel, tonic::transport::Error> {
    if let Some(path) = address.strip_prefix("unix://") {
        let path = PathBuf::from(path);
        // The URI is for the `:authority` header only.
        return Endpoint::from_static("http://localhost")
            .connect_with_connector(tower::service_fn(move |_: Uri| {
                let path = path.clone();
                async move { UnixStream::connect(path).await.map(TokioIo::new) }
            }))
            .await;
    }
    Endpoint::from_shared(format!("http://{}", host_and_port(address)))?.connect().await
}

/// The handshake comes first, so that its error can be told as it is.
async fn connect_tls(address: &str, tls: &ClientTls) -> Result<Channel, HealthError> {
    let owned = || address.to_owned();
    let stream = TcpStream::connect(host_and_port(address)).await;
    let stream = stream.map_err(|source| HealthError::Dial { address: owned(), source })?;
    let stream = tls.connect(stream).await.map_err(|source| HealthError::Tls { address: owned(), source })?;
    let mut stream = Some(TokioIo::new(stream));
    let once = tower::service_fn(move |_: Uri| {
        std::future::ready(
            stream.take().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected)),
        )
    });
    let endpoint = Endpoint::from_shared(format!("http://{}", host_and_port(address)));
    let endpoint = endpoint.map_err(|source| refused(address, source))?;
    endpoint.connect_with_connector(once).await.map_err(|source| refused(address, source))
}

fn host_and_port(address: &str) -> &str {
    address.strip_prefix("tcp://").unwrap_or(address)
}
