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

use mixer_adapter_sdk::typed::template::{LogEntry, Metric};
use mixer_adapter_sdk::{Adapter, BuildError, HandlerSpec, Process, TypedAdapter, hosted};

use crate::config::Config;
use crate::handler::StdioHandler;
use crate::writer::Writers;

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    hosted(Stdio::default())
}

/// The adapter as a process of its own.
pub fn process() -> Process {
    Process::new(adapter())
        .version(env!("CARGO_PKG_VERSION"))
        .default_port(9071)
        .example_params(include_str!("../example.yaml"))
}

#[derive(Default)]
struct Stdio {
    writers: Arc<Writers>,
}

impl TypedAdapter for Stdio {
    type Config = Config;
    type Handler = StdioHandler;
    type Templates = (LogEntry, Metric);

    const NAME: &'static str = "stdio";
    const DESCRIPTION: &'static str =
        "Writes log entries and metrics to standard output, standard error or a file.";

    async fn build(&self, config: Config, _: HandlerSpec) -> Result<StdioHandler, BuildError> {
        let Config { output, form, levels } = config;
        let writers = self.writers.clone();
        let attached = tokio::task::spawn_blocking(move || writers.attach(&output));
        let lane = attached.await.map_err(|error| BuildError(error.to_string()))?.map_err(BuildError)?;
        Ok(StdioHandler { form, levels, lane })
    }

    async fn close(handler: &StdioHandler) {
        handler.lane.close().await;
    }
}
