//! Host names to addresses, behind a trait so that tests decide what a name means.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mixer_adapter_api::BoxFuture;

/// The longest that one lookup may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Finds the addresses of a host name.
pub trait Resolve: Send + Sync + fmt::Debug {
    /// All addresses of `host`, each with `port`.
    ///
    /// # Errors
    /// The name does not exist or the name service does not answer.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// The name service of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            let found = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host, port)));
            Ok(found.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??.collect())
        })
    }
}
