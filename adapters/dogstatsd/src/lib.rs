//! The `dogstatsd` adapter: sends metric instances as lines to a Datadog agent, and log entries as events and service
//! checks.

mod aggregate;
mod config;
mod environment;
mod generated;
mod handler;
mod line;
mod log_entry;
mod origin;
mod tags;
mod telemetry;

use std::sync::Arc;

use mixer_adapter_sdk::typed::template::{LogEntry, Metric};
use mixer_adapter_sdk::{Adapter, BuildError, HandlerError, HandlerSpec, Process, TypedAdapter, hosted};

use crate::config::Config;
use crate::environment::Environment;
use crate::handler::DogstatsdHandler;

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    hosted(Dogstatsd)
}

/// The adapter as a process of its own.
pub fn process() -> Process {
    Process::new(adapter())
        .version(env!("CARGO_PKG_VERSION"))
        .default_port(55913)
        .example_params(include_str!("../example.yaml"))
}

struct Dogstatsd;

impl TypedAdapter for Dogstatsd {
    type Config = Config;
    type Handler = DogstatsdHandler;
    type Templates = (Metric, LogEntry);
    const NAME: &'static str = "dogstatsd";
    const DESCRIPTION: &'static str = "Sends metrics, events and service checks to a Datadog agent.";

    async fn build(&self, config: Config, spec: HandlerSpec) -> Result<DogstatsdHandler, BuildError> {
        let environment = match config.ignore_environment {
            true => Environment::default(),
            false => Environment::read(|name| std::env::var(name).ok()),
        };
        DogstatsdHandler::build(config, environment, &spec)
    }

    async fn close(handler: &DogstatsdHandler) {
        handler.close().await;
    }

    async fn self_test(handler: &DogstatsdHandler) -> Result<(), HandlerError> {
        handler.self_test().await
    }
}
