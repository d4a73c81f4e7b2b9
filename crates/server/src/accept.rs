//! Accepting connections without giving up.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// How long to wait after a failed accept: the usual cause, too many open files, does not go away at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The next connection, without Nagle's delay. Failures are logged and waited out.
pub(crate) async fn accept_tcp(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it the connection is slower, not broken.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) => pause(&error).await,
        }
    }
}

/// The next connection. Failures are logged and waited out.
pub(crate) async fn accept_unix(listener: &UnixListener) -> UnixStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => pause(&error).await,
        }
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection; check the limit of open files");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}
