//! The `stdio` adapter: writes log entries and metrics to standard output, standard error or a file.

mod config;
mod generated;

use std::sync::Arc;

use mixer_adapter_sdk::{
    Adapter, AdapterInfo, BoxFuture, BuildError, FieldProblem, Handler, HandlerSpec, params,
};

use crate::config::Config;

const INFO: AdapterInfo = AdapterInfo {
    name: "stdio",
    aliases: &[],
    description: "Writes log entries and metrics to standard output, standard error or a file.",
    templates: &["logentry", "metric"],
    config_descriptor: include_bytes!("config.desc"),
    config_message: "adapter.stdio.config.Params",
};

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    Arc::new(StdioAdapter)
}

struct StdioAdapter;

impl Adapter for StdioAdapter {
    fn info(&self) -> &AdapterInfo {
        &INFO
    }

    fn validate(&self, spec: &HandlerSpec) -> Vec<FieldProblem> {
        Config::check(&spec.params).err().unwrap_or_default()
    }

    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        struct Unfinished;
        impl Handler for Unfinished {}
        let built = Config::check(&spec.params)
            .map(|_| Arc::new(Unfinished) as Arc<dyn Handler>)
            .map_err(params::not_valid);
        Box::pin(std::future::ready(built))
    }
}
