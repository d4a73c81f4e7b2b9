//! The configuration of a handler: there is nothing to configure.

use mixer_adapter_sdk::{FieldProblem, HandlerSpec};

use crate::generated::Params;

/// A checked configuration.
pub(crate) struct Config;

impl mixer_adapter_sdk::Config for Config {
    type Params = Params;
    const MESSAGE: &'static str = "adapter.noop.config.Params";
    const DESCRIPTOR: &'static [u8] = include_bytes!("config.desc");

    fn check(_: Params, _: &HandlerSpec) -> Result<Self, Vec<FieldProblem>> {
        Ok(Self)
    }
}
