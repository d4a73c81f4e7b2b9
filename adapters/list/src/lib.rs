//! The `list` adapter: lets pass what is on a list, or what is not.

mod config;
mod generated;
mod handler;
mod ip_ranges;

use std::sync::Arc;

use mixer_adapter_sdk::typed::template::ListEntry;
use mixer_adapter_sdk::{Adapter, BuildError, HandlerSpec, TypedAdapter, hosted};

use crate::config::Config;
use crate::handler::ListHandler;

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    hosted(List)
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
