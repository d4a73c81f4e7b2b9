//! The way in: TLS where it is asked for, and who is turned away, counted with the reason and logged at a bounded rate.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mixer_dispatch::RateLimitedLog;
use mixer_identity::{
    Accepted, Credentials, FileError, FirstByte, Reason, Refused, ServerOptions, ServerTls, Source, Update,
    Watched,
};
use parking_lot::Mutex;
use prometheus::{IntCounterVec, IntGauge, Opts, Registry};
use tokio::io::{AsyncRead, AsyncWrite};

use super::connections::{Builder, serve, soon_over};
use super::doors::Doors;
use crate::app::StartError;

/// Whose certificates these are, for the log.
const WHAT: &str = "the gRPC port";

/// The same trouble is logged again after this time.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// TLS of the gRPC port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// Where certificates come from.
    pub source: Source,
    /// Whom they let in.
    pub server: ServerOptions,
}

/// What new connections go through.
#[derive(Debug)]
pub(crate) struct Entrance {
    tls: Option<ServerTls>,
    metrics: Metrics,
    /// By reason, so that one kind of trouble does not hide another.
    logs: Mutex<HashMap<Reason, Arc<RateLimitedLog>>>,
    /// For messages.
    address: String,
}

#[derive(Clone, Debug)]
struct Metrics {
    refused: IntCounterVec,
    updates: IntCounterVec,
    expiry: IntGauge,
}

impl Metrics {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counters =
            |name: &str, help: &str, label: &str| IntCounterVec::new(Opts::new(name, help), &[label]);
        let metrics = Self {
            refused: counters(
                "mixer_server_connections_refused_total",
                "Connections to the gRPC port that were not served.",
                "reason",
            )?,
            updates: counters(
                "mixer_server_certificate_updates_total",
                "News of the gRPC port's certificates, by result.",
                "result",
            )?,
            expiry: IntGauge::new(
                "mixer_server_certificate_expiry_timestamp_seconds",
                "Until when the gRPC port's certificate is valid, in seconds since 1970; 0 without one.",
            )?,
        };
        registry.register(Box::new(metrics.refused.clone()))?;
        registry.register(Box::new(metrics.updates.clone()))?;
        registry.register(Box::new(metrics.expiry.clone()))?;
        Ok(metrics)
    }

    fn note(&self, update: &Update) {
        match update {
            Update::Loaded(material) => {
                self.updates.with_label_values(&["ok"]).inc();
                self.expiry.set(material.not_after().unwrap_or_default());
            }
            Update::Failed(_) => self.updates.with_label_values(&["failed"]).inc(),
        }
    }
}

impl Entrance {
    /// The way in at this address. Must be called on the runtime that follows certificates.
    ///
    /// # Errors
    /// Files of TLS cannot be used, or a metric is registered already.
    pub(crate) async fn new(
        address: String,
        tls: Option<TlsOptions>,
        registry: &Registry,
    ) -> Result<Self, StartError> {
        let metrics = Metrics::register(registry)?;
        let tls = match tls {
            None => None,
            Some(TlsOptions { source, server }) => {
                if let Source::Files(files) = &source {
                    files.read().await.map_err(|error: FileError| StartError::Tls(error))?;
                }
                let noting = metrics.clone();
                let on_update = Box::new(move |update: &Update| noting.note(update));
                Some(ServerTls::new(Credentials::start(source, WHAT, on_update).await, server))
            }
        };
        Ok(Self { tls, metrics, logs: Mutex::default(), address })
    }

    /// The certificates of the port, if it has any.
    pub(crate) fn credentials(&self) -> Option<&Credentials> {
        self.tls.as_ref().map(ServerTls::credentials)
    }

    /// Serves a connection to its end.
    ///
    /// # Errors
    /// It broke off.
    pub(super) async fn serve<I>(&self, io: I, builder: Builder, doors: Doors) -> hyper::Result<()>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(tls) = &self.tls else {
            let (first, io) = Watched::new(io);
            return self.plaintext(first, io, builder, doors).await;
        };
        // A client that is still greeting is not waited for long when the port ends.
        let accepted = tokio::select! {
            accepted = tls.accept(io) => accepted,
            () = soon_over(&doors.goaway) => return Ok(()),
        };
        match accepted {
            Ok(Accepted::Tls(stream)) => {
                let (first, stream) = Watched::new(*stream);
                serve(builder, stream, &first, doors).await
            }
            Ok(Accepted::Plaintext(stream)) => {
                let (first, stream) = Watched::new(stream);
                serve(builder, stream, &first, doors).await
            }
            Err(refused) => {
                self.refuse(&refused);
                Ok(())
            }
        }
    }

    async fn plaintext<I>(&self, first: FirstByte, io: I, builder: Builder, doors: Doors) -> hyper::Result<()>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let ended = serve(builder, io, &first, doors).await;
        if ended.is_err() && first.is_tls() {
            self.refuse(&Refused::new(
                Reason::Tls,
                "the client speaks TLS and this port plaintext; give the port a certificate (--tlsCertificate, --tlsSds, \
                 --tlsWorkloadApi)",
            ));
        }
        ended
    }

    fn refuse(&self, refused: &Refused) {
        let reason = refused.reason.label();
        self.metrics.refused.with_label_values(&[reason]).inc();
        let log = self
            .logs
            .lock()
            .entry(refused.reason)
            .or_insert_with(|| Arc::new(RateLimitedLog::new(LOG_EVERY)))
            .clone();
        if let Some(suppressed) = log.permit() {
            let address = &self.address;
            tracing::warn!(
                reason,
                suppressed,
                "a connection to the gRPC port {address} was refused: {}",
                refused.text
            );
        }
    }
}
