//! The `connection` of a handler, `istio.policy.v1beta1.Connection`.

use std::time::Duration;

use mixer_template::{Node, Position};

use super::authentication;
use crate::authentication::Authentication;
use crate::fields::{Fields, Text};
use crate::report::Report;

/// How a gRPC adapter is reached.
pub(crate) struct ConnectionSpec<'r> {
    pub(crate) position: Position,
    pub(crate) address: Option<Text<'r>>,
    /// `None` when there is no limit.
    pub(crate) timeout: Option<Duration>,
    /// `None` for plaintext, or when it is wrong.
    pub(crate) authentication: Option<Authentication>,
}

/// Reads a connection; what is wrong with its authentication keeps the handler from being built, so that nothing goes out in
/// plaintext.
pub(super) fn read<'r>(node: &'r Node, compat: bool, report: &mut Report<'_>) -> ConnectionSpec<'r> {
    let mut fields = Fields::of(node, "spec.connection", report);
    let address = fields.text("address", report);
    let timeout = fields.text("timeout", report).and_then(|text| timeout(text, report));
    let authentication = fields.take("authentication", report);
    let authentication = authentication.and_then(|node| authentication::read(node, compat, report));
    fields.finish(report);
    ConnectionSpec { position: node.position, address, timeout, authentication }
}

fn timeout(text: Text<'_>, report: &mut Report<'_>) -> Option<Duration> {
    match text.trimmed().parse::<mixer_attribute::Duration>() {
        Ok(timeout) if timeout.nanos() == 0 => None,
        Ok(timeout) if timeout.nanos() > 0 => timeout.to_std(),
        Ok(_) => {
            report.error("spec.connection.timeout", text.position, "must not be negative");
            None
        }
        Err(error) => {
            report.error("spec.connection.timeout", text.position, error.to_string());
            None
        }
    }
}
