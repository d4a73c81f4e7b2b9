//! The `list` adapter: lets pass what is on a list, or what is not.

mod config;
mod generated;
mod handler;
mod ip_ranges;

use std::sync::Arc;

use mixer_adapter_sdk::{
    Adapter, AdapterInfo, BoxFuture, BuildError, FieldProblem, Handler, HandlerSpec, params,
};

use crate::config::Config;
use crate::handler::ListHandler;

const INFO: AdapterInfo = AdapterInfo {
    name: "list",
    aliases: &["listchecker"],
    description: "Checks whether a value is on a list.",
    templates: &["listentry"],
    config_descriptor: include_bytes!("config.desc"),
    config_message: "adapter.list.config.Params",
};

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    Arc::new(ListAdapter)
}

struct ListAdapter;

impl Adapter for ListAdapter {
    fn info(&self) -> &AdapterInfo {
        &INFO
    }

    fn validate(&self, spec: &HandlerSpec) -> Vec<FieldProblem> {
        Config::check(&spec.params).err().unwrap_or_default()
    }

    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        let built = Config::check(&spec.params)
            .map(|config| Arc::new(ListHandler::new(config)) as Arc<dyn Handler>)
            .map_err(params::not_valid);
        Box::pin(std::future::ready(built))
    }
}
