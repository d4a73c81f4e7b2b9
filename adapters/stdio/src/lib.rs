//! The `stdio` adapter: writes log entries and metrics to standard output, standard error or a file.
//!
//! A handler makes lines and queues them; a thread for each output writes them, so that an output which nobody reads
//! never holds up a request.

mod config;
mod generated;
mod handler;
mod line;
mod sink;
mod writer;

use std::sync::Arc;

use mixer_adapter_sdk::{
    Adapter, AdapterInfo, BoxFuture, BuildError, FieldProblem, Handler, HandlerSpec, params,
};

use crate::config::Config;
use crate::handler::StdioHandler;
use crate::writer::Writers;

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
    Arc::new(StdioAdapter::default())
}

#[derive(Default)]
struct StdioAdapter {
    writers: Arc<Writers>,
}

impl Adapter for StdioAdapter {
    fn info(&self) -> &AdapterInfo {
        &INFO
    }

    fn validate(&self, spec: &HandlerSpec) -> Vec<FieldProblem> {
        Config::check(&spec.params).err().unwrap_or_default()
    }

    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        Box::pin(async move {
            let Config { output, form, levels } = Config::check(&spec.params).map_err(params::not_valid)?;
            let writers = self.writers.clone();
            let attached = tokio::task::spawn_blocking(move || writers.attach(&output));
            let lane = attached.await.map_err(|error| BuildError(error.to_string()))?.map_err(BuildError)?;
            Ok(Arc::new(StdioHandler { form, levels, lane }) as Arc<dyn Handler>)
        })
    }
}
