//! The `noop` adapter: accepts everything and does nothing with it. For trying out configuration, and for
//! measuring the server alone.

mod config;
mod generated;
mod handler;

use std::sync::Arc;

use mixer_adapter_sdk::typed::template::{
    Authorization, CheckNothing, ListEntry, LogEntry, Metric, Quota, ReportNothing, TraceSpan,
};
use mixer_adapter_sdk::{Adapter, BuildError, HandlerSpec, Process, TypedAdapter, hosted};

use crate::config::Config;
use crate::handler::NoopHandler;

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    hosted(Noop)
}

/// The adapter as a process of its own.
pub fn process() -> Process {
    Process::new(adapter()).version(env!("CARGO_PKG_VERSION")).default_port(9075)
}

struct Noop;

impl TypedAdapter for Noop {
    type Config = Config;
    type Handler = NoopHandler;
    type Templates =
        (Authorization, CheckNothing, ListEntry, LogEntry, Metric, Quota, ReportNothing, TraceSpan);

    const NAME: &'static str = "noop";
    const DESCRIPTION: &'static str = "Accepts everything and does nothing with it.";

    async fn build(&self, _: Config, _: HandlerSpec) -> Result<NoopHandler, BuildError> {
        Ok(NoopHandler)
    }
}
