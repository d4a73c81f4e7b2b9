//! Puts the answers of a handler service together, and maps errors to statuses.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use mixer_adapter_api::{CheckResult, ErrorKind, HandlerError, QuotaResult, Status};
use mixer_proto::adapter::v1beta1 as model;
use mixer_proto::google::rpc;
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};

/// An encoded `CheckResult`.
pub(super) fn check(result: CheckResult) -> Bytes {
    check_message(result).encode_to_vec().into()
}

fn check_message(result: CheckResult) -> model::CheckResult {
    model::CheckResult {
        status: Some(status(result.status)),
        valid_duration: Some(duration(result.valid_duration)),
        valid_use_count: result.valid_use_count,
    }
}

/// An encoded `Handle<Template>Response`: the result, and the output that the adapter encoded.
pub(super) fn check_with_output(result: CheckResult, output: &Bytes) -> Bytes {
    let mut message = Vec::new();
    prost::encoding::message::encode(1, &check_message(result), &mut message);
    encode_key(2, WireType::LengthDelimited, &mut message);
    encode_varint(output.len() as u64, &mut message);
    message.extend_from_slice(output);
    message.into()
}

/// An encoded `QuotaResult` with the answer for each asked name.
pub(super) fn quota(results: Vec<(String, QuotaResult)>) -> Bytes {
    let quotas: BTreeMap<_, _> = results
        .into_iter()
        .map(|(name, result)| {
            let result = model::quota_result::Result {
                valid_duration: Some(duration(result.valid_duration)),
                granted_amount: result.amount,
                status: Some(status(result.status)),
            };
            (name, result)
        })
        .collect();
    model::QuotaResult { quotas }.encode_to_vec().into()
}

/// The protobuf form of a status.
pub(super) fn status(status: Status) -> rpc::Status {
    rpc::Status {
        code: status.code,
        message: status.message,
        details: status
            .details
            .into_iter()
            .map(|any| prost_types::Any { type_url: any.type_url, value: any.value.to_vec() })
            .collect(),
    }
}

fn duration(duration: Duration) -> prost_types::Duration {
    // Longer than protobuf can say is as long as it can say.
    duration.try_into().unwrap_or(prost_types::Duration { seconds: i64::MAX, nanos: 999_999_999 })
}

/// The gRPC status of a failed call.
pub(super) fn failed(error: HandlerError) -> tonic::Status {
    let code = match error.kind {
        ErrorKind::Unavailable | ErrorKind::BreakerOpen | ErrorKind::NotBuilt => tonic::Code::Unavailable,
        ErrorKind::DeadlineExceeded => tonic::Code::DeadlineExceeded,
        ErrorKind::QueueFull => tonic::Code::ResourceExhausted,
        ErrorKind::InvalidArgument => tonic::Code::InvalidArgument,
        ErrorKind::Unimplemented => tonic::Code::Unimplemented,
        ErrorKind::Evaluation | ErrorKind::Failed | ErrorKind::Panicked => tonic::Code::Internal,
    };
    tonic::Status::new(code, error.message)
}
