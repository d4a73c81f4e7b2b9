//! A decision as ext_authz answers it: headers to add and remove, a refusal with status and body, or "I failed".

use std::collections::HashMap;

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckResponse, DeniedHttpResponse, OkHttpResponse};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::{Struct, Value, value::Kind};
use envoy_types::pb::google::rpc;
use mixer_adapter_api::{Status, code};
use mixer_config::snapshot::HeaderOperation;
use mixer_dispatch::{CheckError, CheckOutcome, HeaderChange, RouteDirective, http_status};

/// The body of an answer that could not be worked out: it names no adapter, because the client reads it.
const FAILED_BODY: &str = "the policy check failed; see the log of mixs\n";

/// The answer to a decision.
pub(super) fn decided(outcome: &CheckOutcome) -> CheckResponse {
    let empty = RouteDirective::default();
    let directive = outcome.route_directive.as_ref().unwrap_or(&empty);
    let http_response = if outcome.status.is_ok() {
        HttpResponse::OkResponse(allowed(directive))
    } else {
        HttpResponse::DeniedResponse(denied(&outcome.status, directive))
    };
    CheckResponse {
        status: Some(status(outcome.status.code, &outcome.status.message)),
        dynamic_metadata: metadata(&outcome.status),
        http_response: Some(http_response),
    }
}

/// Header operations that ext_authz has no field for: it can add response headers and cannot remove them.
pub(super) fn inexpressible(outcome: &CheckOutcome) -> usize {
    let changes = outcome.route_directive.iter().flat_map(|directive| &directive.response_headers);
    changes.filter(|change| change.operation == HeaderOperation::Remove).count()
}

/// The answer when there is no decision. The code refuses where a proxy is too old to know `error_response`; a newer
/// one applies its `failure_mode_allow`.
pub(super) fn failed(error: &CheckError) -> CheckResponse {
    let status_text = status(code::UNAVAILABLE, &error.to_string());
    let http = http_status(code::UNAVAILABLE);
    CheckResponse {
        dynamic_metadata: metadata(&Status::new(code::UNAVAILABLE, error.to_string())),
        status: Some(status_text),
        http_response: Some(HttpResponse::ErrorResponse(DeniedHttpResponse {
            status: Some(HttpStatus { code: i32::try_from(http).unwrap_or(503) }),
            headers: Vec::new(),
            body: FAILED_BODY.to_owned(),
        })),
    }
}

fn status(code: i32, message: &str) -> rpc::Status {
    rpc::Status { code, message: message.to_owned(), details: Vec::new() }
}

fn allowed(directive: &RouteDirective) -> OkHttpResponse {
    let (removed, set) = split(&directive.request_headers);
    OkHttpResponse {
        headers: set,
        headers_to_remove: removed,
        response_headers_to_add: split(&directive.response_headers).1,
        ..OkHttpResponse::default()
    }
}

/// A direct response as the adapter wants it; otherwise the status of the code, and the message as the body.
fn denied(status: &Status, directive: &RouteDirective) -> DeniedHttpResponse {
    let (code, body) = match &directive.direct_response {
        Some(direct) => (direct.code, direct.body.clone()),
        None => (http_status(status.code), status.message.clone()),
    };
    DeniedHttpResponse {
        status: Some(HttpStatus { code: i32::try_from(code).unwrap_or(403) }),
        headers: split(&directive.response_headers).1,
        body,
    }
}

/// Names to remove, and headers to set or append.
fn split(changes: &[HeaderChange]) -> (Vec<String>, Vec<HeaderValueOption>) {
    let mut removed = Vec::new();
    let mut set = Vec::new();
    for change in changes {
        let action = match change.operation {
            HeaderOperation::Remove => {
                removed.push(change.name.to_string());
                continue;
            }
            HeaderOperation::Replace => HeaderAppendAction::OverwriteIfExistsOrAdd,
            HeaderOperation::Append => HeaderAppendAction::AppendIfExistsOrAdd,
        };
        set.push(HeaderValueOption {
            header: Some(HeaderValue {
                key: change.name.to_string(),
                value: change.value.clone(),
                ..HeaderValue::default()
            }),
            append_action: action.into(),
            ..HeaderValueOption::default()
        });
    }
    (removed, set)
}

/// What the access log entry of the same request will carry: Envoy keeps the metadata of ext_authz, and the log
/// table reads it back as `check.error_code` and `check.error_message`.
fn metadata(status: &Status) -> Option<Struct> {
    if status.is_ok() {
        return None;
    }
    let text = |text: String| Value { kind: Some(Kind::StringValue(text)) };
    let fields = HashMap::from([
        ("check.error_code".to_owned(), text(status.code.to_string())),
        ("check.error_message".to_owned(), text(status.message.clone())),
    ]);
    Some(Struct { fields })
}

#[cfg(test)]
mod tests;
