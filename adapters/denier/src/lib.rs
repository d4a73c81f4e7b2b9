//! The `denier` adapter: gives every check the same answer, which is a refusal unless it is configured otherwise.

mod config;
mod generated;
mod handler;

use std::sync::Arc;

use mixer_adapter_sdk::typed::template::{CheckNothing, ListEntry, Quota};
use mixer_adapter_sdk::{Adapter, BuildError, HandlerSpec, Process, TypedAdapter, hosted};

use crate::config::Config;
use crate::handler::DenierHandler;

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    hosted(Denier)
}

/// The adapter as a process of its own.
pub fn process() -> Process {
    Process::new(adapter())
        .version(env!("CARGO_PKG_VERSION"))
        .default_port(9072)
        .example_params(include_str!("../example.yaml"))
}

struct Denier;

impl TypedAdapter for Denier {
    type Config = Config;
    type Handler = DenierHandler;
    type Templates = (CheckNothing, ListEntry, Quota);

    const NAME: &'static str = "denier";
    const DESCRIPTION: &'static str = "Gives every check the same answer.";

    async fn build(&self, config: Config, _: HandlerSpec) -> Result<DenierHandler, BuildError> {
        Ok(DenierHandler::new(config))
    }
}
