//! Where Mixer is.

use std::time::Duration;

use anyhow::Context as _;
use tonic::transport::{Channel, Endpoint};

use crate::tls::Tls;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// A name resolver that the original's gRPC library takes in front of an address; here all names go to the system.
const RESOLVERS: [&str; 2] = ["dns:///", "passthrough:///"];

/// The endpoint of `host:port` or `unix:///path`.
///
/// # Errors
/// It is neither.
pub(crate) fn endpoint(target: &str) -> anyhow::Result<Endpoint> {
    let refused = || format!("Unable to establish connection to {target}: write host:port or unix:///path");
    let uri = if target.starts_with("unix:") {
        target.to_owned()
    } else {
        let address = RESOLVERS.iter().find_map(|name| target.strip_prefix(name)).unwrap_or(target);
        let uri: http::Uri = format!("http://{address}").parse().with_context(refused)?;
        anyhow::ensure!(uri.port_u16().is_some() && uri.path() == "/", refused());
        uri.to_string()
    };
    let endpoint = Endpoint::from_shared(uri).with_context(refused)?;
    let user_agent = concat!("mixc/", env!("CARGO_PKG_VERSION"));
    Ok(endpoint.user_agent(user_agent)?.tcp_nodelay(true).connect_timeout(CONNECT_TIMEOUT))
}

/// A connection that comes about with the first call.
///
/// # Errors
/// A file of TLS cannot be used.
pub(crate) async fn channel(endpoint: &Endpoint, tls: Option<&Tls>) -> anyhow::Result<Channel> {
    match tls {
        None => Ok(endpoint.connect_lazy()),
        Some(tls) => tls.channel(endpoint).await,
    }
}
