//! `envoy.service.accesslog.v3.AccessLogService`: streams of access log entries, HTTP and TCP.
//!
//! The protocol has no acknowledgement. Entries of one message are one report; a bounded number of reports of a
//! stream wait for adapters at a time, and past that the stream is not read, so that flow control and not memory
//! takes the load.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use envoy_types::pb::envoy::data::accesslog::v3::{
    AccessLogCommon, HttpAccessLogEntry, HttpRequestProperties, HttpResponseProperties, TcpAccessLogEntry,
};
use envoy_types::pb::envoy::service::accesslog::v3::access_log_service_server::AccessLogService;
use envoy_types::pb::envoy::service::accesslog::v3::stream_access_logs_message::LogEntries;
use envoy_types::pb::envoy::service::accesslog::v3::{StreamAccessLogsMessage, StreamAccessLogsResponse};
use mixer_attribute::{Bag, Timestamp};
use mixer_dispatch::Reporter;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::{Request, Response, Status, Streaming};

use super::connections::ConnectionBytes;
use super::field::Resolved;
use super::log_table::{LogView, Protocol, TABLE, Take};
use super::metrics::EnvoyMetrics;
use super::workload::Workload;
use crate::front::Front;

/// Reports of one stream that may wait for adapters at a time.
const REPORTS_IN_FLIGHT: usize = 8;
/// How long a report may take; nobody waits for the answer, but its memory must come back.
const REPORT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a stream that is ended from this side is still read.
const LINGER: Duration = Duration::from_millis(300);
/// Connections of one stream whose byte totals are remembered.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(65_535);

/// The access log service.
#[derive(Clone)]
pub(super) struct AccessLogs {
    front: Arc<Front>,
    metrics: EnvoyMetrics,
    max_age: Duration,
    draining: watch::Receiver<bool>,
}

impl AccessLogs {
    /// Streams end after `max_age` (give or take a tenth), so that proxies spread again over the replicas, and when
    /// the server drains.
    pub(super) fn new(
        front: Arc<Front>,
        metrics: EnvoyMetrics,
        max_age: Duration,
        draining: watch::Receiver<bool>,
    ) -> Self {
        Self { front, metrics, max_age, draining }
    }
}

/// A gauge that counts while it lives.
struct OpenStream(prometheus::IntGauge);

impl OpenStream {
    fn new(gauge: &prometheus::IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[tonic::async_trait]
impl AccessLogService for AccessLogs {
    async fn stream_access_logs(
        &self,
        request: Request<Streaming<StreamAccessLogsMessage>>,
    ) -> Result<Response<StreamAccessLogsResponse>, Status> {
        // A task of its own: the call is dropped as soon as the proxy is gone, and with it would be what that sent last.
        let reading = tokio::spawn(self.clone().read(request.into_inner()));
        match reading.await {
            Ok(()) => Ok(Response::new(StreamAccessLogsResponse {})),
            Err(error) => Err(Status::internal(format!("reading the access logs failed: {error}"))),
        }
    }
}

impl AccessLogs {
    /// Reads a stream to its end, and waits for its reports.
    async fn read(self, mut messages: Streaming<StreamAccessLogsMessage>) {
        let _open = OpenStream::new(&self.metrics.streams);
        let mut draining = self.draining.clone();
        let age = tokio::time::sleep(self.max_age.mul_f64(0.9 + 0.2 * fastrand::f64()));
        let mut stream = Stream::new(&self);
        tokio::pin!(age);
        loop {
            tokio::select! {
                message = messages.message() => {
                    let Some(message) = stream.received(message) else { break };
                    stream.take(message).await;
                }
                () = &mut age => break,
                () = async { drop(draining.wait_for(|draining| *draining).await) } => break,
            }
        }
        stream.take_what_is_here(&mut messages).await;
        stream.finish().await;
    }
}

/// The state of one stream.
struct Stream<'s> {
    service: &'s AccessLogs,
    node: Workload,
    connections: ConnectionBytes,
    table: Option<Arc<Resolved<Take>>>,
    reports: JoinSet<()>,
}

impl<'s> Stream<'s> {
    fn new(service: &'s AccessLogs) -> Self {
        Self {
            service,
            node: Workload::default(),
            connections: ConnectionBytes::new(CONNECTIONS),
            table: None,
            reports: JoinSet::new(),
        }
    }

    /// The message; nothing at the end of the stream, however it ended.
    fn received(
        &self,
        message: Result<Option<StreamAccessLogsMessage>, Status>,
    ) -> Option<StreamAccessLogsMessage> {
        message.unwrap_or_else(|error| {
            tracing::debug!(proxy = self.node.name, %error, "access log stream ended");
            None
        })
    }

    /// Before a stream is ended from this side: what the proxy has sent already would otherwise be lost.
    async fn take_what_is_here(&mut self, messages: &mut Streaming<StreamAccessLogsMessage>) {
        let last = tokio::time::Instant::now() + LINGER;
        while let Ok(message) = tokio::time::timeout_at(last, messages.message()).await {
            let Some(message) = self.received(message) else { return };
            self.take(message).await;
        }
    }

    async fn take(&mut self, message: StreamAccessLogsMessage) {
        if let Some(node) = message.identifier.as_ref().and_then(|identifier| identifier.node.as_ref()) {
            self.node = Workload::of_node(node);
        }
        let Some(entries) = message.log_entries else { return };
        let runtime = self.service.front.engine.current();
        let table = self.table.take().filter(|table| Arc::ptr_eq(table.vocabulary(), runtime.vocabulary()));
        let table = table.unwrap_or_else(|| Arc::new(Resolved::new(runtime.vocabulary(), TABLE)));
        let mut report = Report { bag: Bag::new(runtime.vocabulary().clone()), reporter: runtime.reporter() };
        match entries {
            LogEntries::HttpLogs(logs) => {
                self.service.metrics.http_entries.inc_by(logs.log_entry.len() as u64);
                for entry in &logs.log_entry {
                    report.http(&table, &self.node, entry).await;
                }
            }
            LogEntries::TcpLogs(logs) => {
                self.service.metrics.tcp_entries.inc_by(logs.log_entry.len() as u64);
                for entry in &logs.log_entry {
                    let since = self.connections.advance(entry);
                    report.tcp(&table, &self.node, entry, since).await;
                }
            }
        }
        self.table = Some(table);
        if self.reports.len() >= REPORTS_IN_FLIGHT {
            self.reports.join_next().await;
        }
        self.reports.spawn(async move {
            report.reporter.flush(Some(Instant::now() + REPORT_TIMEOUT)).await;
        });
    }

    async fn finish(mut self) {
        while self.reports.join_next().await.is_some() {}
    }
}

/// The entries of one message on their way to the adapters.
struct Report {
    bag: Bag,
    reporter: Reporter,
}

impl Report {
    async fn http(&mut self, table: &Resolved<Take>, node: &Workload, entry: &HttpAccessLogEntry) {
        let no_request = HttpRequestProperties::default();
        let no_response = HttpResponseProperties::default();
        let request = entry.request.as_ref().unwrap_or(&no_request);
        let response = entry.response.as_ref().unwrap_or(&no_response);
        self.entry(table, node, entry.common_properties.as_ref(), Protocol::Http(request, response)).await;
    }

    async fn tcp(
        &mut self,
        table: &Resolved<Take>,
        node: &Workload,
        entry: &TcpAccessLogEntry,
        since: envoy_types::pb::envoy::data::accesslog::v3::ConnectionProperties,
    ) {
        let totals = entry.connection_properties.unwrap_or_default();
        let protocol = Protocol::Tcp { totals: &totals, since };
        self.entry(table, node, entry.common_properties.as_ref(), protocol).await;
    }

    async fn entry(
        &mut self,
        table: &Resolved<Take>,
        node: &Workload,
        common: Option<&AccessLogCommon>,
        protocol: Protocol<'_>,
    ) {
        let none = AccessLogCommon::default();
        let view = LogView::new(common.unwrap_or(&none), protocol, node, Timestamp::now());
        self.bag.clear();
        table.fill(&mut self.bag, |take| take(&view));
        table.fill_named(&mut self.bag, view.named());
        self.reporter.add(&mut self.bag).await;
    }
}
