//! The front doors of today's Envoy: ext_authz and the access log service, mapped to attributes by tables, so that
//! the same rules decide and report whatever proxy asks.

mod access_log;
mod authz;
mod authz_table;
mod connections;
mod derive;
mod field;
mod flags;
mod log_table;
mod metrics;
mod response;
mod workload;

#[cfg(test)]
mod tests;

use std::time::Duration;

use envoy_types::pb::envoy::service::accesslog::v3::access_log_service_server::AccessLogServiceServer;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use mixer_dispatch::Engine;
use tokio::sync::watch;
use tonic::service::RoutesBuilder;

use crate::shedding::Throttler;

/// What the Envoy services need from the server.
pub(crate) struct EnvoyDoors {
    /// Decides and reports.
    pub(crate) engine: Engine,
    /// Refuses checks under overload; access logs are not refused, flow control slows them.
    pub(crate) throttler: Throttler,
    /// Largest message taken, in bytes.
    pub(crate) max_message_size: usize,
    /// When an access log stream is ended, so that proxies spread over the replicas again.
    pub(crate) stream_max_age: Duration,
    /// Turns true when the server drains.
    pub(crate) draining: watch::Receiver<bool>,
}

impl EnvoyDoors {
    /// Adds the services to the port.
    ///
    /// # Errors
    /// A counter's name is taken in the registry.
    pub(crate) fn add_to(
        self,
        routes: &mut RoutesBuilder,
        registry: &prometheus::Registry,
    ) -> Result<(), prometheus::Error> {
        let metrics = metrics::EnvoyMetrics::new(registry)?;
        let authz = authz::AuthzService::new(self.engine.clone(), self.throttler, metrics.clone());
        let logs = access_log::AccessLogs::new(self.engine, metrics, self.stream_max_age, self.draining);
        routes.add_service(AuthorizationServer::new(authz).max_decoding_message_size(self.max_message_size));
        routes.add_service(AccessLogServiceServer::new(logs).max_decoding_message_size(self.max_message_size));
        Ok(())
    }
}
