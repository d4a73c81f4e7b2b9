//! The `stackdriver` adapter: metric instances become time series of Cloud Monitoring, log instances entries of Cloud
//! Logging, spans go to Cloud Trace.

mod api;
mod config;
mod credentials;
mod environment;
mod generated;
mod handler;
mod items;
mod logging;
mod logs;
mod metadata;
mod monitoring;
mod refusal;
mod resource;
mod series;
mod spans;
mod template;
mod time;
mod tracing_api;

use std::sync::Arc;

use mixer_adapter_sdk::typed::template::{LogEntry, Metric, TraceSpan};
use mixer_adapter_sdk::{Adapter, BuildError, HandlerError, HandlerSpec, Process, TypedAdapter, hosted};

use crate::config::Config;
use crate::handler::StackdriverHandler;

pub use environment::Environment;

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    adapter_in(Environment::of_process())
}

/// The adapter with environment variables other than those of the process, for tests and for who embeds it.
pub fn adapter_in(environment: Environment) -> Arc<dyn Adapter> {
    hosted(Stackdriver { environment })
}

/// The adapter as a process of its own.
pub fn process() -> Process {
    Process::new(adapter())
        .version(env!("CARGO_PKG_VERSION"))
        .default_port(9096)
        .example_params(include_str!("../example.yaml"))
}

struct Stackdriver {
    environment: Environment,
}

impl TypedAdapter for Stackdriver {
    type Config = Config;
    type Handler = StackdriverHandler;
    type Templates = (Metric, LogEntry, TraceSpan);
    const NAME: &'static str = "stackdriver";
    const DESCRIPTION: &'static str =
        "Sends metrics, logs and traces to Google Cloud Monitoring, Logging and Trace.";

    async fn build(&self, config: Config, spec: HandlerSpec) -> Result<StackdriverHandler, BuildError> {
        StackdriverHandler::build(config, &spec, &self.environment).await
    }

    async fn close(handler: &StackdriverHandler) {
        handler.close().await;
    }

    async fn self_test(handler: &StackdriverHandler) -> Result<(), HandlerError> {
        handler.self_test().await
    }
}
