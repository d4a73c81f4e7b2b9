//! The `connection` of a handler, `istio.policy.v1beta1.Connection`.

use std::time::Duration;

use mixer_template::{Node, NodeValue, Position};

use crate::fields::{Fields, Text};
use crate::report::Report;

/// How a gRPC adapter is reached.
pub(crate) struct ConnectionSpec<'r> {
    pub(crate) position: Position,
    pub(crate) address: Option<Text<'r>>,
    /// `None` when there is no limit.
    pub(crate) timeout: Option<Duration>,
}

/// Reads a connection; authentication is checked and then refused, never left out in silence.
pub(super) fn read<'r>(node: &'r Node, report: &mut Report<'_>) -> ConnectionSpec<'r> {
    let mut fields = Fields::of(node, "spec.connection", report);
    let address = fields.text("address", report);
    let timeout = fields.text("timeout", report).and_then(|text| timeout(text, report));
    if let Some(node) = fields.take("authentication", report) {
        authentication(node, report);
    }
    fields.finish(report);
    ConnectionSpec { position: node.position, address, timeout }
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

fn authentication(node: &Node, report: &mut Report<'_>) {
    let path = "spec.connection.authentication";
    let before = report.errors();
    let mut fields = Fields::of(node, path, report);
    let tls = fields.take("tls", report);
    let mutual = fields.take("mutual", report);
    fields.finish(report);
    match (tls, mutual) {
        (Some(_), Some(_)) => {
            report.error(path, node.position, "tls and mutual exclude each other; remove one")
        }
        (Some(node), None) => tls_token(node, report),
        (None, Some(node)) => {
            let mut fields = Fields::of(node, "spec.connection.authentication.mutual", report);
            for name in ["private_key", "client_certificate", "ca_certificates", "server_name"] {
                let _ = fields.text(name, report);
            }
            fields.finish(report);
        }
        (None, None) => report.error(path, node.position, "says neither tls nor mutual; choose one"),
    }
    if report.errors() == before {
        let message = "authentication of a connection is not available in this version: the handler is not built, \
                       so that nothing goes out in plain text";
        report.error(path, node.position, message);
    }
}

fn tls_token(node: &Node, report: &mut Report<'_>) {
    let path = "spec.connection.authentication.tls";
    let mut fields = Fields::of(node, path, report);
    for name in ["ca_certificates", "server_name"] {
        let _ = fields.text(name, report);
    }
    let token_path = fields.text("token_path", report);
    let oauth = fields.take("oauth", report);
    let auth_header = fields.take("auth_header", report);
    let custom_header = fields.text("custom_header", report);
    fields.finish(report);
    match (token_path, oauth) {
        (None, None) => report.error(path, node.position, "a token is needed; set tokenPath or oauth"),
        (Some(_), Some(_)) => report.error(path, node.position, "tokenPath and oauth exclude each other"),
        (Some(_), None) if auth_header.is_none() && custom_header.is_none() => {
            report.error(
                path,
                node.position,
                "say which header carries the token: set authHeader or customHeader",
            );
        }
        (None, Some(oauth)) => read_oauth(oauth, report),
        _ => {}
    }
    let known = |node: &Node| match &node.value {
        NodeValue::String(name) => name == "PLAIN" || name == "BEARER",
        NodeValue::Int(number) => (0..=1).contains(number),
        _ => false,
    };
    if let Some(header) = auth_header.filter(|header| !known(header)) {
        report.error(&format!("{path}.authHeader"), header.position, "must be PLAIN or BEARER");
    }
}

fn read_oauth(node: &Node, report: &mut Report<'_>) {
    let path = "spec.connection.authentication.tls.oauth";
    let mut fields = Fields::of(node, path, report);
    let _ = (fields.text("client_id", report), fields.texts("scopes", report));
    let _ = fields.take("endpoint_params", report);
    for (name, json) in [("client_secret", "clientSecret"), ("token_url", "tokenUrl")] {
        if fields.text(name, report).is_none() {
            report.error(&format!("{path}.{json}"), node.position, "is missing; set it");
        }
    }
    fields.finish(report);
}
