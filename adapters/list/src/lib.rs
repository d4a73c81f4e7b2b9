//! The `list` adapter: lets pass what is on a list, or what is not.

mod config;
mod generated;
mod handler;
mod ip_ranges;

use std::sync::Arc;

use mixer_adapter_sdk::typed::template::ListEntry;
use mixer_adapter_sdk::{Adapter, BuildError, HandlerSpec, Process, TypedAdapter, hosted};

use crate::config::Config;
use crate::handler::ListHandler;

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    hosted(List)
}

/// The adapter as a process of its own.
pub fn process() -> Process {
    Process::new(adapter())
        .version(env!("CARGO_PKG_VERSION"))
        .default_port(9073)
        .example_params(include_str!("../example.yaml"))
}

struct List;

impl TypedAdapter for List {
    type Config = Config;
    type Handler = ListHandler;
    type Templates = (ListEntry,);

    const NAME: &'static str = "list";
    const ALIASES: &'static [&'static str] = &["listchecker"];
    const DESCRIPTION: &'static str = "Checks whether a value is on a list.";

    async fn build(&self, config: Config, _: HandlerSpec) -> Result<ListHandler, BuildError> {
        Ok(ListHandler::new(config))
    }
}
