//! The counters and histograms of gRPC calls, one set per method that the port serves.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};
use tonic::Code;

use crate::status::code_name;

/// Label of a call to a method that is not served; the path is the caller's and would be without bound.
const UNKNOWN: &str = "unknown";

const METHOD: &str = "grpc_server_method";
const STATUS: &str = "grpc_server_status";
const CODES: usize = 17;

/// Bucket bounds of the byte histograms.
const BYTES: [f64; 13] = [
    1024.0,
    2048.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
    4_294_967_296.0,
];

/// Bucket bounds of the latency histogram, in milliseconds.
const MILLISECONDS: [f64; 40] = [
    0.01, 0.05, 0.1, 0.3, 0.6, 0.8, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 13.0, 16.0, 20.0, 25.0, 30.0,
    40.0, 50.0, 65.0, 80.0, 100.0, 130.0, 160.0, 200.0, 250.0, 300.0, 400.0, 500.0, 650.0, 800.0, 1e3, 2e3,
    5e3, 1e4, 2e4, 5e4, 1e5,
];

/// All methods of the port.
#[derive(Debug)]
pub(crate) struct RpcMetrics {
    vectors: Vectors,
    methods: HashMap<String, OnceLock<Arc<MethodMetrics>>>,
    unknown: OnceLock<Arc<MethodMetrics>>,
}

/// One method.
#[derive(Debug)]
pub(crate) struct MethodMetrics {
    name: String,
    pub(crate) in_flight: IntGauge,
    pub(crate) latency_ms: Histogram,
    pub(crate) received: Histogram,
    pub(crate) sent: Histogram,
    completed: IntCounterVec,
    by_code: [OnceLock<IntCounter>; CODES],
}

#[derive(Clone, Debug)]
struct Vectors {
    completed: IntCounterVec,
    in_flight: IntGaugeVec,
    latency_ms: HistogramVec,
    received: HistogramVec,
    sent: HistogramVec,
}

impl RpcMetrics {
    /// Metrics of these methods, written `package.Service/Method`.
    ///
    /// # Errors
    /// A metric of the same name is registered already.
    pub(crate) fn register(methods: &[String], registry: &Registry) -> prometheus::Result<Self> {
        let methods = methods.iter().map(|method| (format!("/{method}"), OnceLock::new())).collect();
        Ok(Self { vectors: Vectors::register(registry)?, methods, unknown: OnceLock::new() })
    }

    /// The metrics of a request path. They appear in a scrape from the first call on.
    pub(crate) fn method(&self, path: &str) -> &Arc<MethodMetrics> {
        match self.methods.get(path) {
            Some(cell) => cell.get_or_init(|| self.vectors.method(path.trim_start_matches('/'))),
            None => self.unknown.get_or_init(|| self.vectors.method(UNKNOWN)),
        }
    }

    /// Which methods have calls that are running, and how many.
    pub(crate) fn running(&self) -> Vec<(String, i64)> {
        let used = self.methods.values().chain([&self.unknown]).filter_map(OnceLock::get);
        let mut running: Vec<_> = used
            .map(|method| (method.name.clone(), method.in_flight.get()))
            .filter(|(_, count)| *count > 0)
            .collect();
        running.sort();
        running
    }
}

impl MethodMetrics {
    /// Counts the end of a call.
    pub(crate) fn ended(&self, code: Code) {
        let count = || self.completed.with_label_values(&[self.name.as_str(), code_name(code)]);
        match self.by_code.get(code as usize) {
            Some(cell) => cell.get_or_init(count).inc(),
            None => count().inc(),
        }
    }
}

impl Vectors {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let histogram = |name, help, buckets: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            let vector = HistogramVec::new(options, &[METHOD])?;
            registry.register(Box::new(vector.clone()))?;
            Ok::<_, prometheus::Error>(vector)
        };
        let vectors = Self {
            completed: IntCounterVec::new(
                Opts::new("grpc_io_server_completed_rpcs", "Count of RPCs by method and status."),
                &[METHOD, STATUS],
            )?,
            in_flight: IntGaugeVec::new(
                Opts::new("mixer_server_rpcs_in_flight", "RPCs that are being answered, by method."),
                &[METHOD],
            )?,
            latency_ms: histogram(
                "grpc_io_server_server_latency",
                "Distribution of server latency in milliseconds, by method.",
                &MILLISECONDS,
            )?,
            received: histogram(
                "grpc_io_server_received_bytes_per_rpc",
                "Distribution of received bytes per RPC, by method.",
                &BYTES,
            )?,
            sent: histogram(
                "grpc_io_server_sent_bytes_per_rpc",
                "Distribution of total sent bytes per RPC, by method.",
                &BYTES,
            )?,
        };
        registry.register(Box::new(vectors.completed.clone()))?;
        registry.register(Box::new(vectors.in_flight.clone()))?;
        Ok(vectors)
    }

    fn method(&self, name: &str) -> Arc<MethodMetrics> {
        Arc::new(MethodMetrics {
            in_flight: self.in_flight.with_label_values(&[name]),
            latency_ms: self.latency_ms.with_label_values(&[name]),
            received: self.received.with_label_values(&[name]),
            sent: self.sent.with_label_values(&[name]),
            completed: self.completed.clone(),
            by_code: Default::default(),
            name: name.to_owned(),
        })
    }
}
