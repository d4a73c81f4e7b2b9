//! The `otlp` adapter: sends metrics, log records and spans to any backend of OpenTelemetry.

mod config;
mod generated;
mod handler;
mod map;
mod self_test;

use std::sync::Arc;

use mixer_adapter_sdk::typed::template::{LogEntry, Metric, TraceSpan};
use mixer_adapter_sdk::{Adapter, BuildError, HandlerError, HandlerSpec, Process, TypedAdapter, hosted};

use crate::config::Config;
use crate::handler::OtlpHandler;

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    hosted(Otlp)
}

/// The adapter as a process of its own.
pub fn process() -> Process {
    Process::new(adapter())
        .version(env!("CARGO_PKG_VERSION"))
        .default_port(55917)
        .example_params(include_str!("../example.yaml"))
}

struct Otlp;

impl TypedAdapter for Otlp {
    type Config = Config;
    type Handler = OtlpHandler;
    type Templates = (Metric, LogEntry, TraceSpan);
    const NAME: &'static str = "otlp";
    const DESCRIPTION: &'static str = "Sends metrics, log records and spans to any backend of OpenTelemetry.";

    async fn build(&self, config: Config, spec: HandlerSpec) -> Result<OtlpHandler, BuildError> {
        OtlpHandler::build(config, &spec).await
    }

    async fn close(handler: &OtlpHandler) {
        handler.close().await;
    }

    async fn self_test(handler: &OtlpHandler) -> Result<(), HandlerError> {
        handler.self_test().await
    }
}
