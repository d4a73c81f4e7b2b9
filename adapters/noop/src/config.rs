//! The configuration of a handler: there is nothing to configure.

use mixer_adapter_sdk::{FieldProblem, params};

use crate::generated::Params;

/// Checks that the bytes are a configuration.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Vec<FieldProblem>> {
    params::decode::<Params>(bytes).map(drop).map_err(|problem| vec![problem])
}
