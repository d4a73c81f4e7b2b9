//! What follows from a status, for backends that use the codes as the specification of OTLP means them.

use std::error::Error as _;
use std::time::Duration;

use prost::Message as _;
use tonic::{Code, Status};

use crate::delivery::Outcome;

const RETRY_INFO: &str = "google.rpc.RetryInfo";

/// What follows from a status: those of a transport that broke or a server that is busy are tried again, after the
/// pause of a `google.rpc.RetryInfo` if there is one; a message that the server finds too large is split; the rest will
/// never be taken ([OTLP], failures).
///
/// [OTLP]: https://opentelemetry.io/docs/specs/otlp/#failures
pub fn outcome(status: &Status) -> Outcome {
    let after = retry_info(status.details());
    let detail = || format!("the backend answered {:?}: {}", status.code(), status.message());
    match status.code() {
        Code::Ok => Outcome::Delivered,
        // It arose here, whatever code it has: no connection, no TLS, or a stream that broke off.
        _ if status.source().is_some() || is_cut_off(status) => {
            Outcome::Retry { after: None, detail: no_answer(status) }
        }
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Outcome::Retry { after, detail: detail() },
        Code::ResourceExhausted if after.is_some() => Outcome::Retry { after, detail: detail() },
        Code::ResourceExhausted if too_large(status.message()) => Outcome::Split,
        code => Outcome::Drop { reason: word(code), detail: detail() },
    }
}

/// Whether the answer ended before its status: tonic makes a status of its own of that, without a cause, as when a proxy
/// ends the stream. One that a server passes on to us means the same.
fn is_cut_off(status: &Status) -> bool {
    let of_tonic =
        ["missing grpc-status trailer", "Unexpected EOF decoding stream", "Missing response message"];
    let message = status.message();
    matches!(status.code(), Code::Unknown | Code::Internal)
        && of_tonic.iter().any(|text| message.contains(text))
}

/// What arose here, and what caused it.
fn no_answer(status: &Status) -> String {
    let message = status.message();
    let mut text = format!("no answer: {}", message.strip_prefix("no answer: ").unwrap_or(message));
    let mut cause = status.source();
    while let Some(error) = cause {
        let part = error.to_string();
        // Many of them say what their cause says.
        if !text.ends_with(&part) {
            text = format!("{text}: {part}");
        }
        cause = error.source();
    }
    text
}

/// Servers have no code of their own for this; these are the texts of Go, Java, C++ and tonic.
fn too_large(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["larger than max", "exceeds maximum", "message too large", "too large: found"]
        .iter()
        .any(|text| message.contains(text))
}

/// `google.rpc.Status`, as far as it is needed.
#[derive(Clone, PartialEq, prost::Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<prost_types::Duration>,
}

/// The pause that a server asks for; none when what is there cannot be read.
fn retry_info(details: &[u8]) -> Option<Duration> {
    let details = Details::decode(details).ok()?.details;
    let found = details.iter().find(|any| any.type_url.rsplit('/').next() == Some(RETRY_INFO))?;
    RetryInfo::decode(&*found.value).ok()?.retry_delay?.try_into().ok()
}

/// A fixed word for a code.
fn word(code: Code) -> &'static str {
    match code {
        Code::InvalidArgument => "grpc_invalid_argument",
        Code::NotFound => "grpc_not_found",
        Code::AlreadyExists => "grpc_already_exists",
        Code::PermissionDenied => "grpc_permission_denied",
        Code::ResourceExhausted => "grpc_resource_exhausted",
        Code::FailedPrecondition => "grpc_failed_precondition",
        Code::Unimplemented => "grpc_unimplemented",
        Code::Internal => "grpc_internal",
        Code::Unauthenticated => "grpc_unauthenticated",
        _ => "grpc_other",
    }
}

#[cfg(test)]
mod tests;
