//! Everything that decides how the server runs, checked.

use std::num::NonZero;
use std::time::Duration;

use mixer_config::CompileOptions;
use mixer_dispatch::EngineOptions;
use mixer_listen::ListenAddress;

use crate::grpc::{GrpcOptions, TlsOptions};
use crate::probe_file::ProbeFile;
use crate::shedding;

/// How the server runs.
#[derive(Clone, Debug)]
pub struct AppOptions {
    /// Where the gRPC API is served.
    pub grpc_address: ListenAddress,
    /// Where metrics, probes and version are served: TCP only.
    pub admin_address: ListenAddress,
    /// Limits of the gRPC port.
    pub grpc: GrpcOptions,
    /// TLS of the gRPC port; plaintext without it.
    pub tls: Option<TlsOptions>,
    /// Limits of the load.
    pub shedding: shedding::Options,
    /// How configuration is compiled.
    pub compile: CompileOptions,
    /// How adapters are called.
    pub engine: EngineOptions,
    /// Give the original's answers where ours differ by design.
    pub compat: bool,
    /// Threads that answer requests. A connection stays on one of them.
    pub request_threads: NonZero<usize>,
    /// How long things may take.
    pub timing: Timing,
    /// A file that is kept while the server lives.
    pub liveness_file: Option<ProbeFile>,
    /// A file that is kept while the server is ready.
    pub readiness_file: Option<ProbeFile>,
}

/// How long things may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Start-up waits so long for the first configuration.
    pub config_wait: Duration,
    /// After being asked to stop: not ready, but connections are still taken.
    pub drain: Duration,
    /// After that: running calls may finish, handlers may send what they hold.
    pub termination: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            config_wait: Duration::from_secs(120),
            drain: Duration::from_secs(5),
            termination: Duration::from_secs(20),
        }
    }
}
