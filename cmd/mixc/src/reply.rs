//! Answers as text: the original's lines, and behind them what it did not show.

use std::error::Error;
use std::fmt::Write as _;

use mixer_attribute::Duration;
use mixer_cli::{grpc_code_name, rpc_code_name};
use mixer_proto::google::rpc;
use mixer_proto::mixer::v1::check_response::{PreconditionResult, QuotaResult};
use mixer_proto::mixer::v1::header_operation::Operation;
use mixer_proto::mixer::v1::{CheckResponse, RouteDirective};
use mixer_wire::resolve_matches;

/// What a check was answered with.
pub(crate) fn check(response: &CheckResponse) -> String {
    let default = PreconditionResult::default();
    let precondition = response.precondition.as_ref().unwrap_or(&default);
    let status = precondition.status.clone().unwrap_or_default();
    let mut text = format!("Check RPC completed successfully. Check status was {}\n", self::status(&status));
    let _ = writeln!(
        text,
        "  Valid use count: {}, valid duration: {}",
        precondition.valid_use_count,
        duration(precondition.valid_duration)
    );
    text.push_str("  Referenced Attributes\n");
    for line in referenced(precondition) {
        let _ = writeln!(text, "    {line}");
    }
    text.push('\n');
    if !response.quotas.is_empty() {
        quotas(&mut text, response);
    }
    if let Some(directive) = &precondition.route_directive {
        route(&mut text, directive);
    }
    text
}

/// `name CONDITION` or `map::key CONDITION`, sorted.
fn referenced(precondition: &PreconditionResult) -> Vec<String> {
    let matches = precondition.referenced_attributes.as_ref().map(resolve_matches).unwrap_or_default();
    let line = |m: mixer_wire::Match<'_>| {
        let key = m.key.map(|key| format!("::{key}")).unwrap_or_default();
        format!("{}{key} {}", m.attribute, m.condition.as_str_name())
    };
    let mut lines: Vec<_> = matches.into_iter().map(line).collect();
    lines.sort_unstable();
    lines
}

fn quotas(text: &mut String, response: &CheckResponse) {
    let row = |name: &str, quota: &QuotaResult| {
        [name.to_owned(), quota.granted_amount.to_string(), duration(quota.valid_duration).to_string()]
    };
    let head = ["Quota", "Granted Amount", "Duration"].map(str::to_owned);
    let mut rows = vec![head];
    rows.extend(response.quotas.iter().map(|(name, quota)| row(name, quota)));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (name_width, amount_width) = (width(0), width(1));
    for [name, amount, duration] in &rows {
        let _ = writeln!(text, "  {name:name_width$}  {amount:amount_width$}  {duration}");
    }
    text.push('\n');
    let refused = response.quotas.iter().filter_map(|(name, quota)| {
        let status = quota.status.as_ref().filter(|status| status.code != 0)?;
        Some(format!("    {name} {}\n", self::status(status)))
    });
    let refused: String = refused.collect();
    if !refused.is_empty() {
        let _ = writeln!(text, "  Quota Status\n{refused}");
    }
}

fn route(text: &mut String, directive: &RouteDirective) {
    text.push_str("  Route Directive\n");
    if directive.direct_response_code != 0 {
        let body = &directive.direct_response_body;
        let _ = writeln!(text, "    direct response {} {body:?}", directive.direct_response_code);
    }
    let sides = [
        ("request", &directive.request_header_operations),
        ("response", &directive.response_header_operations),
    ];
    for (side, operations) in sides {
        for operation in operations {
            let (kind, name) = (operation.operation(), &operation.name);
            let value = match kind {
                Operation::Remove => String::new(),
                Operation::Replace | Operation::Append => format!(": {}", operation.value),
            };
            let _ = writeln!(text, "    {side} header {} {name}{value}", kind.as_str_name());
        }
    }
    text.push('\n');
}

fn duration(duration: Option<prost_types::Duration>) -> Duration {
    let duration = duration.unwrap_or_default();
    Duration::from_proto(duration.seconds, duration.nanos).unwrap_or_default()
}

/// The name of a code in a message: `PERMISSION_DENIED`, or `Code 99` when it has none.
pub(crate) fn code(code: i32) -> String {
    rpc_code_name(code).map_or_else(|| format!("Code {code}"), str::to_owned)
}

/// A status in a message: `OK`, or `PERMISSION_DENIED (message)`.
fn status(status: &rpc::Status) -> String {
    with_message(code(status.code), &status.message)
}

/// The name of the code of a call: `Unavailable`.
pub(crate) fn call_code(status: &tonic::Status) -> &'static str {
    grpc_code_name(status.code() as i32).unwrap_or("Unknown")
}

/// The status of a call: `Unavailable (message)`. What the transport knows about the cause is part of it.
pub(crate) fn call_status(status: &tonic::Status) -> String {
    let mut message = status.message().to_owned();
    let mut cause = status.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // "transport error" says nothing that the code does not say.
        if !message.contains(&text) && text != "transport error" {
            message = if message.is_empty() { text } else { format!("{message}: {text}") };
        }
        cause = error.source();
    }
    with_message(call_code(status).to_owned(), &message)
}

fn with_message(code: String, message: &str) -> String {
    if message.is_empty() { code } else { format!("{code} ({message})") }
}
