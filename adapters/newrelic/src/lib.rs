//! The `newrelic` adapter: sends metrics, spans, log entries and events to New Relic.

mod api;
mod args;
mod attributes;
mod config;
mod connect;
mod defaults;
mod endpoints;
mod entry;
mod generated;
mod handler;
mod item;
mod json;
mod metric;
mod noted;
mod otlp;
mod refusal;
mod self_test;
mod span;
mod split;
mod time;
mod transport;

use std::sync::Arc;

use mixer_adapter_sdk::typed::template::{LogEntry, Metric, TraceSpan};
use mixer_adapter_sdk::{Adapter, BuildError, HandlerError, HandlerSpec, Process, TypedAdapter, hosted};

use crate::config::Config;
use crate::handler::NewRelicHandler;

pub use args::{Args, ArgsError};
pub use defaults::Defaults;

/// The port of the original.
const PORT: u16 = 55912;

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    adapter_with(Defaults::default())
}

/// The adapter whose process says something for handlers that do not.
pub fn adapter_with(defaults: Defaults) -> Arc<dyn Adapter> {
    hosted(NewRelic { defaults })
}

/// The adapter as a process of its own, at the port of the original.
pub fn process() -> Process {
    process_with(Defaults::default())
}

/// [`process`] with something to say for handlers.
pub fn process_with(defaults: Defaults) -> Process {
    Process::new(adapter_with(defaults))
        .version(env!("CARGO_PKG_VERSION"))
        .default_port(PORT)
        .example_params(include_str!("../example.yaml"))
}

struct NewRelic {
    defaults: Defaults,
}

impl TypedAdapter for NewRelic {
    type Config = Config;
    type Handler = NewRelicHandler;
    type Templates = (Metric, TraceSpan, LogEntry);
    const NAME: &'static str = "newrelic";
    const DESCRIPTION: &'static str = "Sends metrics, spans, log entries and events to New Relic.";

    async fn build(&self, config: Config, spec: HandlerSpec) -> Result<NewRelicHandler, BuildError> {
        NewRelicHandler::build(config, &self.defaults, &spec).await
    }

    async fn close(handler: &NewRelicHandler) {
        handler.close().await;
    }

    async fn self_test(handler: &NewRelicHandler) -> Result<(), HandlerError> {
        handler.self_test().await
    }
}
