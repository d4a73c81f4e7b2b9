//! The `denier` adapter: gives every check the same answer, which is a refusal unless it is configured otherwise.

mod config;
mod generated;
mod handler;

use std::sync::Arc;

use mixer_adapter_sdk::{
    Adapter, AdapterInfo, BoxFuture, BuildError, FieldProblem, Handler, HandlerSpec, params,
};

use crate::config::Config;
use crate::handler::DenierHandler;

const INFO: AdapterInfo = AdapterInfo {
    name: "denier",
    aliases: &[],
    description: "Gives every check the same answer.",
    templates: &["checknothing", "listentry", "quota"],
    config_descriptor: include_bytes!("config.desc"),
    config_message: "adapter.denier.config.Params",
};

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    Arc::new(DenierAdapter)
}

struct DenierAdapter;

impl Adapter for DenierAdapter {
    fn info(&self) -> &AdapterInfo {
        &INFO
    }

    fn validate(&self, spec: &HandlerSpec) -> Vec<FieldProblem> {
        Config::check(&spec.params).err().unwrap_or_default()
    }

    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        let built = Config::check(&spec.params)
            .map(|config| Arc::new(DenierHandler::new(config)) as Arc<dyn Handler>)
            .map_err(params::not_valid);
        Box::pin(std::future::ready(built))
    }
}
