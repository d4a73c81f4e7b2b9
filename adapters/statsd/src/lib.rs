//! The `statsd` adapter: sends metric instances as lines to a StatsD server.

mod config;
mod generated;
mod handler;
mod line;

use std::sync::Arc;

use mixer_adapter_sdk::typed::template::Metric;
use mixer_adapter_sdk::{Adapter, BuildError, HandlerError, HandlerSpec, Process, TypedAdapter, hosted};

use crate::config::Config;
use crate::handler::StatsdHandler;

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    hosted(Statsd)
}

/// The adapter as a process of its own.
pub fn process() -> Process {
    Process::new(adapter())
        .version(env!("CARGO_PKG_VERSION"))
        .default_port(55914)
        .example_params(include_str!("../example.yaml"))
}

struct Statsd;

impl TypedAdapter for Statsd {
    type Config = Config;
    type Handler = StatsdHandler;
    type Templates = (Metric,);
    const NAME: &'static str = "statsd";
    const DESCRIPTION: &'static str = "Sends metrics to a StatsD server.";

    async fn build(&self, config: Config, spec: HandlerSpec) -> Result<StatsdHandler, BuildError> {
        StatsdHandler::build(config, &spec)
    }

    async fn close(handler: &StatsdHandler) {
        handler.close().await;
    }

    async fn self_test(handler: &StatsdHandler) -> Result<(), HandlerError> {
        handler.self_test().await
    }
}
