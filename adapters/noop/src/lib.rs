//! The `noop` adapter: accepts everything and does nothing with it. For trying out configuration, and for
//! measuring the server alone.

mod config;
mod generated;
mod handler;

use std::sync::Arc;

use mixer_adapter_sdk::{Adapter, AdapterInfo, BoxFuture, BuildError, FieldProblem, Handler, HandlerSpec};

use crate::handler::NoopHandler;

const INFO: AdapterInfo = AdapterInfo {
    name: "noop",
    aliases: &[],
    description: "Accepts everything and does nothing with it.",
    templates: &[
        "authorization",
        "checknothing",
        "listentry",
        "logentry",
        "metric",
        "quota",
        "reportnothing",
        "tracespan",
    ],
    config_descriptor: include_bytes!("config.desc"),
    config_message: "adapter.noop.config.Params",
};

/// The adapter.
pub fn adapter() -> Arc<dyn Adapter> {
    Arc::new(NoopAdapter)
}

struct NoopAdapter;

impl Adapter for NoopAdapter {
    fn info(&self) -> &AdapterInfo {
        &INFO
    }

    fn validate(&self, spec: &HandlerSpec) -> Vec<FieldProblem> {
        config::check(&spec.params).err().unwrap_or_default()
    }

    fn build(&self, _: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        Box::pin(std::future::ready(Ok(Arc::new(NoopHandler) as Arc<dyn Handler>)))
    }
}
