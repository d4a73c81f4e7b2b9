//! Where lines go, in which form, and which of them.

use mixer_adapter_sdk::FieldProblem;
use mixer_adapter_sdk::params;

use crate::generated::Params;

/// A checked configuration.
pub(crate) struct Config;

impl Config {
    pub(crate) fn check(bytes: &[u8]) -> Result<Self, Vec<FieldProblem>> {
        let _params: Params = params::decode(bytes).map_err(|problem| vec![problem])?;
        Ok(Self)
    }
}
