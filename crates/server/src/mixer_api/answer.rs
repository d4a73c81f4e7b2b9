//! The outcome of a check as `istio.mixer.v1.CheckResponse`.

use std::time::Duration;

use bytes::Bytes;
use mixer_attribute::Bag;
use mixer_config::snapshot::HeaderOperation as Change;
use mixer_dispatch::{CheckOutcome, HeaderChange, QuotaOutcome, RouteDirective as Directive};
use mixer_proto::google::rpc;
use mixer_proto::mixer::v1::check_response::{PreconditionResult, QuotaResult};
use mixer_proto::mixer::v1::header_operation::Operation;
use mixer_proto::mixer::v1::{CheckResponse, HeaderOperation, RouteDirective};
use mixer_wire::Codec;
use prost::Message;

/// Encodes the response. Only code and message of a refusal are sent; its details have become the route directive.
pub(super) fn encode(outcome: CheckOutcome, codec: &Codec, bag: &Bag, global_word_count: u32) -> Bytes {
    let precondition = PreconditionResult {
        status: Some(status(outcome.status.code, outcome.status.message)),
        valid_duration: Some(duration(outcome.valid_duration)),
        valid_use_count: outcome.valid_use_count,
        referenced_attributes: Some(codec.referenced(&outcome.referenced, bag, global_word_count)),
        route_directive: outcome.route_directive.map(directive),
    };
    let quotas = outcome.quotas.into_iter();
    let quotas =
        quotas.map(|(name, granted)| (name, quota(granted, codec, bag, global_word_count))).collect();
    CheckResponse { precondition: Some(precondition), quotas }.encode_to_vec().into()
}

fn quota(granted: QuotaOutcome, codec: &Codec, bag: &Bag, global_word_count: u32) -> QuotaResult {
    let details = granted.status.details.into_iter();
    let details =
        details.map(|any| prost_types::Any { type_url: any.type_url, value: any.value.into() }).collect();
    QuotaResult {
        valid_duration: Some(duration(granted.valid_duration)),
        granted_amount: granted.amount,
        referenced_attributes: Some(codec.referenced(&granted.referenced, bag, global_word_count)),
        status: Some(rpc::Status { details, ..status(granted.status.code, granted.status.message) }),
    }
}

fn status(code: i32, message: String) -> rpc::Status {
    rpc::Status { code, message, details: Vec::new() }
}

/// More than a protobuf duration can say is as good as the most.
fn duration(duration: Duration) -> prost_types::Duration {
    const LONGEST: i64 = 315_576_000_000;
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(LONGEST).min(LONGEST);
    prost_types::Duration { seconds, nanos: duration.subsec_nanos() as i32 }
}

fn directive(directive: Directive) -> RouteDirective {
    let headers = |changes: Vec<HeaderChange>| changes.into_iter().map(header).collect();
    let direct = directive.direct_response.unwrap_or_default();
    RouteDirective {
        request_header_operations: headers(directive.request_headers),
        response_header_operations: headers(directive.response_headers),
        direct_response_code: direct.code,
        direct_response_body: direct.body,
    }
}

fn header(change: HeaderChange) -> HeaderOperation {
    let operation = match change.operation {
        Change::Replace => Operation::Replace,
        Change::Remove => Operation::Remove,
        Change::Append => Operation::Append,
    };
    HeaderOperation { name: change.name.to_string(), value: change.value, operation: operation.into() }
}
