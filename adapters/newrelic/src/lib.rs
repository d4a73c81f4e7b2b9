//! The `newrelic` adapter: puts metric instances together and sends them to the Metric API of New Relic.

mod api;
mod config;
mod generated;
mod handler;
mod json;

use std::sync::Arc;

use mixer_adapter_sdk::typed::template::Metric;
use mixer_adapter_sdk::{Adapter, BuildError, HandlerError, HandlerSpec, Process, TypedAdapter, hosted};

use crate::config::Config;
use crate::handler::NewRelicHandler;

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    hosted(NewRelic)
}

/// The adapter as a process of its own, at the port of the original.
pub fn process() -> Process {
    Process::new(adapter())
        .version(env!("CARGO_PKG_VERSION"))
        .default_port(55912)
        .example_params(include_str!("../example.yaml"))
}

struct NewRelic;

impl TypedAdapter for NewRelic {
    type Config = Config;
    type Handler = NewRelicHandler;
    type Templates = (Metric,);
    const NAME: &'static str = "newrelic";
    const DESCRIPTION: &'static str = "Sends metrics to New Relic.";

    async fn build(&self, config: Config, spec: HandlerSpec) -> Result<NewRelicHandler, BuildError> {
        NewRelicHandler::build(config, &spec).await
    }

    async fn close(handler: &NewRelicHandler) {
        handler.close().await;
    }

    async fn self_test(handler: &NewRelicHandler) -> Result<(), HandlerError> {
        handler.self_test().await
    }
}
