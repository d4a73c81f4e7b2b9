//! Asks the health service of a running server, for probes that run a command.

use std::path::PathBuf;
use std::time::Duration;

use hyper_util::rt::TokioIo;
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
    let asked = tokio::time::timeout(timeout, ask(address)).await;
    asked.unwrap_or_else(|_| Err(HealthError::Timeout { address: address.to_owned(), timeout }))
}

async fn ask(address: &str) -> Result<(), HealthError> {
    let owned = || address.to_owned();
    let channel =
        connect(address).await.map_err(|source| HealthError::Connect { address: owned(), source })?;
    let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
    let answer = answer.map_err(|status| HealthError::Call {
        address: owned(),
        code: status.code(),
        message: status.message().to_owned(),
    })?;
    if answer.into_inner().status != ServingStatus::Serving as i32 {
        return Err(HealthError::NotServing { address: owned() });
    }
    Ok(())
}

async fn connect(address: &str) -> Result<Channel, tonic::transport::Error> {
    if let Some(path) = address.strip_prefix("unix://") {
        let path = PathBuf::from(path);
        // The URI is for the `:authority` header only.
        return Endpoint::from_static("http://localhost")
            .connect_with_connector(tower::service_fn(move |_: Uri| {
                let path = path.clone();
                async move { tokio::net::UnixStream::connect(path).await.map(TokioIo::new) }
            }))
            .await;
    }
    let host = address.strip_prefix("tcp://").unwrap_or(address);
    Endpoint::from_shared(format!("http://{host}"))?.connect().await
}
