//! TLS of the gRPC port, as the flags say: certificates are followed while the process runs, and what is new is used for
//! new connections; those that are open stay open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mixer_identity::{Credentials, ServerTls, Source, TlsArgs, Update};

use super::error::ServeError;
use super::metrics::Metrics;

/// TLS when the flags ask for it; files are looked at after `every`.
///
/// # Errors
/// The flags have no meaning together, or a file cannot be used.
pub(super) async fn start(
    args: &TlsArgs,
    every: Duration,
    metrics: &Arc<Metrics>,
) -> Result<Option<Arc<ServerTls>>, ServeError> {
    let Some((source, options)) = args.plan(every)? else { return Ok(None) };
    if let Source::Files(files) = &source {
        files.read().await?;
    }
    let (metrics, is_first) = (metrics.clone(), AtomicBool::new(true));
    let on_update = Box::new(move |update: &Update| {
        let result = match update {
            // What it begins with is no news.
            Update::Loaded(_) if is_first.swap(false, Ordering::Relaxed) => return,
            Update::Loaded(_) => "ok",
            Update::Failed(_) => "failed",
        };
        metrics.reloads.with_label_values(&["tls", result]).inc();
    });
    let credentials = Credentials::start(source, "the gRPC port", on_update).await;
    Ok(Some(Arc::new(ServerTls::new(credentials, options))))
}
