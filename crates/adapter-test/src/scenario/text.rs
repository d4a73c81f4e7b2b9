//! What happened, as text that can be compared.

use std::fmt::Write as _;

use mixer_adapter_sdk::code;
use mixer_attribute::{Bag, Duration, Value};
use mixer_config::snapshot::HeaderOperation;
use mixer_dispatch::{CheckError, CheckOutcome, HeaderChange, ReportSummary, Runtime};

/// The answer to a check, the bag as it is afterwards.
pub(crate) fn check(runtime: &Runtime, bag: &Bag, outcome: &Result<CheckOutcome, CheckError>) -> String {
    let mut text = String::new();
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return format!("error {}: {error}\n", error.kind()),
    };
    let _ = writeln!(
        text,
        "{}, valid for {} and {} uses",
        status(&outcome.status),
        Duration::from_std(outcome.valid_duration),
        outcome.valid_use_count
    );
    for call in &outcome.calls {
        let (rule, handler) = runtime.names(call);
        let answer = if call.ok { "allowed" } else { "did not allow" };
        let _ = writeln!(text, "  rule {rule}: {handler} {answer}");
    }
    generated(bag, &mut text);
    if let Some(directive) = &outcome.route_directive {
        let of = |changes: &[HeaderChange], side: &str, text: &mut String| {
            for change in changes {
                let _ = writeln!(text, "  {side} header {}", header(change));
            }
        };
        of(&directive.request_headers, "request", &mut text);
        of(&directive.response_headers, "response", &mut text);
        if let Some(direct) = &directive.direct_response {
            let _ = writeln!(text, "  direct response {} {:?}", direct.code, direct.body);
        }
    }
    for (name, quota) in &outcome.quotas {
        let valid = Duration::from_std(quota.valid_duration);
        let _ = write!(text, "  quota {name}: {} granted for {valid}", quota.amount);
        if !quota.status.is_ok() {
            let _ = write!(text, ", {}", status(&quota.status));
        }
        text.push('\n');
    }
    text
}

fn generated(bag: &Bag, text: &mut String) {
    for (name, (slot, _)) in bag.vocabulary().attributes() {
        if !bag.is_derived(slot) {
            continue;
        }
        if let Some(found) = bag.get(slot) {
            let _ = writeln!(text, "  generated {name} = {}", value(&found));
        }
    }
}

fn value(value: &Value<'_>) -> String {
    match value {
        Value::Text(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
        Value::Int64(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Timestamp(time) => time.to_string(),
        Value::Duration(duration) => duration.to_string(),
        Value::Bytes(bytes) => ip(bytes),
        Value::StringMap(map) => {
            let entry = |(key, value): (&[u8], &[u8])| {
                format!("{:?}: {:?}", String::from_utf8_lossy(key), String::from_utf8_lossy(value))
            };
            let entries: Vec<String> = map.sorted().into_iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn ip(bytes: &[u8]) -> String {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return std::net::Ipv4Addr::from(octets).to_string();
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(octets) => std::net::Ipv6Addr::from(octets).to_string(),
        Err(_) => format!("{bytes:02x?}"),
    }
}

fn header(change: &HeaderChange) -> String {
    match change.operation {
        HeaderOperation::Replace => format!("{} = {:?}", change.name, change.value),
        HeaderOperation::Append => format!("{} += {:?}", change.name, change.value),
        HeaderOperation::Remove => format!("{} removed", change.name),
    }
}

fn status(status: &mixer_adapter_sdk::Status) -> String {
    match status.code {
        code::OK => "OK".to_owned(),
        other => format!("{} {:?}", crate::code_name(other), status.message),
    }
}

/// What became of a report.
pub(crate) fn report(summary: &ReportSummary) -> String {
    let bags = if summary.bags == 1 { "bag" } else { "bags" };
    let instances = if summary.dispatched == 1 { "instance" } else { "instances" };
    let mut text = format!("{} {bags}, {} {instances} taken\n", summary.bags, summary.dispatched);
    for (handler, error) in &summary.failed {
        let _ = writeln!(text, "  {handler} failed, {}: {error}", error.kind);
    }
    for dropped in &summary.dropped {
        let _ = writeln!(text, "  {} dropped {}: {}", dropped.handler, dropped.count, dropped.reason);
    }
    if summary.errors > 0 {
        let _ = writeln!(text, "  {} could not be made: {}", summary.errors, summary.error_texts.join("; "));
    }
    text
}

/// A text, or how often each of several texts.
pub(crate) fn repeated(mut answers: Vec<String>) -> String {
    if answers.len() == 1 {
        return answers.remove(0);
    }
    answers.sort();
    let mut text = String::new();
    for group in answers.chunk_by(|a, b| a == b) {
        if let Some(answer) = group.first() {
            let _ = write!(text, "{} times {answer}", group.len());
        }
    }
    text
}
