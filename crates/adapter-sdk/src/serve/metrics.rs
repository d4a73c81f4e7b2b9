//! What an adapter process tells about itself.

use std::time::Duration;

use prometheus::core::Collector as _;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};

/// Bounds of the call duration, in seconds.
const DURATION_BUCKETS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The metrics of one adapter process.
#[derive(Debug)]
pub(super) struct Metrics {
    calls: IntCounterVec,
    call_duration: HistogramVec,
    pub(super) calls_in_flight: IntGauge,
    instances: IntCounterVec,
    dropped: IntCounterVec,
    pub(super) handlers: IntGauge,
    pub(super) handler_builds: IntCounterVec,
    refused: IntCounterVec,
    pub(super) connections: IntGauge,
    pub(super) replayed: IntCounterVec,
    pub(super) reloads: IntCounterVec,
    pub(super) last_call: IntGauge,
    pub(super) quiet_warnings: IntGauge,
}

/// Words for the label `reason` of `mixer_adapter_refused_total`.
pub(super) mod refused {
    /// The request is longer than --maxMessageSize.
    pub(in crate::serve) const MESSAGE_SIZE: &str = "message_size";
    /// Requests of more than --maxBufferedBytes are in memory.
    pub(in crate::serve) const BUFFERED_BYTES: &str = "buffered_bytes";
    /// The request did not arrive within --receiveTimeout.
    pub(in crate::serve) const SLOW_REQUEST: &str = "slow_request";
    /// The request ended in the middle of its message.
    pub(in crate::serve) const TRUNCATED: &str = "truncated";
    /// The call brought no token, or a wrong one.
    pub(in crate::serve) const UNAUTHENTICATED: &str = "unauthenticated";
    /// The TLS handshake failed: no certificate, or one that is not allowed.
    pub(in crate::serve) const TLS_HANDSHAKE: &str = "tls_handshake";
    /// There are as many connections as --maxConnections allows.
    pub(in crate::serve) const CONNECTIONS: &str = "connections";
    /// A connection on which nothing arrived.
    pub(in crate::serve) const SILENT_CONNECTION: &str = "silent_connection";
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        Ok(Self {
            calls: counter(
                "mixer_adapter_calls_total",
                "Calls by template and the gRPC code of the answer.",
                &["template", "code"],
            )?,
            call_duration: call_duration(registry)?,
            calls_in_flight: gauge("mixer_adapter_calls_in_flight", "Calls that are being handled.")?,
            instances: counter(
                "mixer_adapter_instances_total",
                "Instances that calls brought, by template.",
                &["template"],
            )?,
            dropped: counter(
                "mixer_adapter_instances_dropped_total",
                "Instances of reports that could not be used, by template and reason.",
                &["template", "reason"],
            )?,
            handlers: gauge("mixer_adapter_handlers", "Configurations for which a handler is kept.")?,
            handler_builds: counter(
                "mixer_adapter_handler_builds_total",
                "Handlers that were built (ok), or not: invalid configuration, failed.",
                &["result"],
            )?,
            refused: counter(
                "mixer_adapter_refused_total",
                "Calls and connections that were refused before a handler saw them, by reason.",
                &["reason"],
            )?,
            connections: gauge("mixer_adapter_connections", "Connections of gRPC clients that are open.")?,
            replayed: counter(
                "mixer_adapter_calls_replayed_total",
                "Calls that were answered as an earlier call with the same dedup_id, by template.",
                &["template"],
            )?,
            reloads: counter(
                "mixer_adapter_file_reloads_total",
                "Changed files that were read again (ok), or could not be used (failed), by file.",
                &["file", "result"],
            )?,
            quiet_warnings: gauge(
                "mixer_adapter_quiet_warnings",
                "Warnings since the last call that no call arrives; 0 while calls arrive.",
            )?,
            last_call: gauge(
                "mixer_adapter_last_call_timestamp_seconds",
                "When a call was last seen, to a few seconds; 0 before the first one.",
            )?,
        })
    }

    /// Counts a call or connection that was refused; see [`refused`].
    pub(super) fn refused(&self, reason: &str) {
        self.refused.with_label_values(&[reason]).inc();
    }

    /// How many calls have ended, whatever their template.
    pub(super) fn calls_so_far(&self) -> u64 {
        let families = self.call_duration.collect();
        let metrics = families.iter().flat_map(prometheus::proto::MetricFamily::get_metric);
        metrics.map(|metric| metric.get_histogram().get_sample_count()).sum()
    }

    /// What each call of a template's method counts, looked up once.
    pub(super) fn of_template(&self, template: &'static str) -> TemplateMetrics {
        TemplateMetrics {
            template,
            answered: self.calls.with_label_values(&[template, code_name(tonic::Code::Ok)]),
            calls: self.calls.clone(),
            duration: self.call_duration.with_label_values(&[template]),
            instances: self.instances.with_label_values(&[template]),
        }
    }

    pub(super) fn instances_dropped(&self, template: &str, reason: &str, count: u64) {
        self.dropped.with_label_values(&[template, reason]).inc_by(count);
    }
}

fn call_duration(registry: &Registry) -> Result<HistogramVec, prometheus::Error> {
    let options = HistogramOpts::new(
        "mixer_adapter_call_duration_seconds",
        "Time from the arrival of a call to its answer.",
    );
    let durations = HistogramVec::new(options.buckets(DURATION_BUCKETS.to_vec()), &["template"])?;
    registry.register(Box::new(durations.clone()))?;
    Ok(durations)
}

/// The metrics of the calls for one template.
#[derive(Debug)]
pub(super) struct TemplateMetrics {
    template: &'static str,
    answered: IntCounter,
    calls: IntCounterVec,
    duration: Histogram,
    instances: IntCounter,
}

impl TemplateMetrics {
    pub(super) fn call_ended(&self, code: tonic::Code, took: Duration) {
        match code {
            tonic::Code::Ok => self.answered.inc(),
            code => self.calls.with_label_values(&[self.template, code_name(code)]).inc(),
        }
        self.duration.observe(took.as_secs_f64());
    }

    pub(super) fn instances_came(&self, count: usize) {
        self.instances.inc_by(count as u64);
    }
}

/// The name of a code as it is written in specifications.
fn code_name(code: tonic::Code) -> &'static str {
    match code {
        tonic::Code::Ok => "OK",
        tonic::Code::Cancelled => "CANCELLED",
        tonic::Code::Unknown => "UNKNOWN",
        tonic::Code::InvalidArgument => "INVALID_ARGUMENT",
        tonic::Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        tonic::Code::NotFound => "NOT_FOUND",
        tonic::Code::AlreadyExists => "ALREADY_EXISTS",
        tonic::Code::PermissionDenied => "PERMISSION_DENIED",
        tonic::Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        tonic::Code::FailedPrecondition => "FAILED_PRECONDITION",
        tonic::Code::Aborted => "ABORTED",
        tonic::Code::OutOfRange => "OUT_OF_RANGE",
        tonic::Code::Unimplemented => "UNIMPLEMENTED",
        tonic::Code::Internal => "INTERNAL",
        tonic::Code::Unavailable => "UNAVAILABLE",
        tonic::Code::DataLoss => "DATA_LOSS",
        tonic::Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
