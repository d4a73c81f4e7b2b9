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

use std::sync::Arc;

use envoy_types::pb::envoy::service::accesslog::v3::access_log_service_server::AccessLogServiceServer;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use prometheus::Registry;

use crate::app::AppOptions;
use crate::front::Front;
use crate::grpc::{Goaway, Services};

/// The two services and what they import, pruned by `cargo xtask gen`.
const DESCRIPTORS: &[u8] = include_bytes!("envoy/services.desc");

/// Adds the Envoy services to the port.
///
/// # Errors
/// A counter's name is taken in the registry.
pub(crate) fn add(
    services: &mut Services,
    front: &Arc<Front>,
    goaway: &Goaway,
    options: &AppOptions,
    registry: &Registry,
) -> Result<(), prometheus::Error> {
    let metrics = metrics::EnvoyMetrics::new(registry)?;
    let most = options.grpc.max_message_size;
    let authz = authz::AuthzService::new(front.clone(), metrics.clone());
    services.add(AuthorizationServer::new(authz).max_decoding_message_size(most), DESCRIPTORS);
    let logs =
        access_log::AccessLogs::new(front.clone(), metrics, options.grpc.stream_max_age, goaway.subscribe());
    services.add(AccessLogServiceServer::new(logs).max_decoding_message_size(most), DESCRIPTORS);
    Ok(())
}
