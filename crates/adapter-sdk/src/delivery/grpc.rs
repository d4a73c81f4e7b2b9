//! The client of backends that speak gRPC: a channel with the TLS, proxies and time limits of [`HttpOptions`], and what a
//! status means.
//!
//! A backend calls its own methods over [`GrpcClient::channel`], as the clients that are generated of a service do, and
//! makes an [`Outcome`](super::Outcome) of an error with [`outcome`]. The request id goes into the metadata where the backend knows one.

mod classify;
mod connect;
mod unary;

use std::time::Duration;

use ::http::Uri;
use mixer_identity::{Authorities, Files};
use tonic::transport::{Channel, Endpoint};

use super::http::rotating::Rotating;
use super::http::{HttpOptions, HttpOptionsError, Url, tls};
use connect::Connector;

pub use classify::outcome;
pub use unary::frame;

/// An idle connection is asked so often whether it is there, so that one that was cut silently does not take the next
/// payload with it.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Calls a backend over one connection, which is made anew when it is lost, and when a file of certificates changes. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct GrpcClient {
    channel: Rotating<Channel>,
}

impl GrpcClient {
    /// Reads the files of certificates, and connects to nothing yet. The URL says by its scheme, `https` or `http`,
    /// whether there is TLS; its path is not used.
    ///
    /// # Errors
    ///
    /// A file, the URL or the address of a proxy is not usable.
    pub fn new(url: &Url, options: &HttpOptions) -> Result<Self, HttpOptionsError> {
        let unusable = |error: &dyn std::fmt::Display| {
            HttpOptionsError::Client(format!("{error}; write the address as https://host:port"))
        };
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(unusable(&"the URL has no host or no port"));
        };
        let is_tls = match url.scheme() {
            "https" => true,
            "http" => false,
            scheme => return Err(unusable(&format!("{scheme} is no scheme of gRPC"))),
        };
        let origin: Uri = format!("{}://{host}:{port}", url.scheme()).parse().map_err(|e| unusable(&e))?;
        // TLS is the connector's, so the endpoint itself must not ask for it.
        let endpoint = Endpoint::from_shared(format!("http://{host}:{port}")).map_err(|e| unusable(&e))?;
        let endpoint = endpoint
            .origin(origin.clone())
            .timeout(options.timeout)
            .connect_timeout(options.connect_timeout)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_while_idle(true)
            .user_agent(&options.user_agent)
            .map_err(|e| unusable(&e))?;
        let unused = Files { own: None, authorities: Authorities::None, every: options.reload_interval };
        let files = if is_tls { options.files() } else { unused };
        let proxy = options.proxy.clone();
        let channel = Rotating::new(files, move |material| {
            let config = if is_tls { Some(tls::config(material)?) } else { None };
            let connector = Connector::new(origin.clone(), config, proxy.matcher());
            let connect = tower::service_fn(move |_: Uri| connector.clone().connect());
            Ok(endpoint.connect_with_connector_lazy(connect))
        })?;
        Ok(Self { channel })
    }

    /// The channel, for a generated client.
    pub fn channel(&self) -> Channel {
        Channel::clone(&self.channel.get())
    }
}

#[cfg(test)]
mod tests;
