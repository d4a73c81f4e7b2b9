//! Why a payload could not be sent, in the words of the counter.

use std::io;
use std::time::Duration;

use rustix::io::Errno;

use super::address::LineAddress;
use super::link::Link;

/// Why a payload could not be sent.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) reason: &'static str,
    pub(super) detail: String,
}

impl Failure {
    pub(super) fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let reason = match Errno::from_io_error(&error) {
            Some(Errno::NOENT) => "socket_missing",
            Some(Errno::CONNREFUSED) => "connection_refused",
            Some(Errno::CONNRESET | Errno::PIPE | Errno::NOTCONN) => "connection_lost",
            Some(Errno::ACCESS | Errno::PERM) => "permission_denied",
            Some(Errno::NOBUFS) => "no_buffer_space",
            Some(Errno::AGAIN) => "receiver_full",
            Some(Errno::MSGSIZE) => "message_too_long",
            Some(Errno::PROTOTYPE) => "wrong_socket_type",
            Some(Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::NETDOWN) => "unreachable",
            _ => "io_error",
        };
        Self { reason, detail: error.to_string() }
    }
}

/// Whether the receiver is gone, in which case a socket of its own may reach the next one.
pub(super) fn is_gone(error: &io::Error) -> bool {
    let gone = [Errno::CONNREFUSED, Errno::CONNRESET, Errno::NOTCONN, Errno::PIPE, Errno::NOENT];
    Errno::from_io_error(error).is_some_and(|errno| gone.contains(&errno))
}

/// Whether somebody seems to listen at an address. Over UDP only a neighbour that refuses is noticed.
///
/// # Errors
///
/// What was found instead.
pub async fn probe(address: &LineAddress) -> Result<(), String> {
    const PATIENCE: Duration = Duration::from_secs(5);
    const REFUSAL: Duration = Duration::from_millis(200);
    let mut link = Link::new(address.clone());
    let asked = async {
        link.connect().await?;
        if matches!(address, LineAddress::Udp { .. }) {
            link.send(b"").await?;
            tokio::time::sleep(REFUSAL).await;
        }
        link.refused()
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(failure)) => Err(format!("{address}: {}", failure.detail)),
        Err(_) => Err(format!("{address} did not take a connection within {PATIENCE:?}")),
    }
}
