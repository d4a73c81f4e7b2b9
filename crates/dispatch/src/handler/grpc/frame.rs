//! Requests and responses of the adapter protocol, framed by hand: instances arrive as bytes and stay so.
//! Source: the handler service that `mixgen` makes from a template (fields `instance` 1, `adapter_config` 2,
//! `dedup_id` 3, `quota_request` 4).

use std::time::Duration;

use bytes::buf::Chain;
use bytes::{Buf, BufMut, Bytes};
use mixer_adapter_api::{Any, CheckResult, QuotaResult, Status};
use mixer_proto::adapter::v1beta1 as proto;
use mixer_proto::google::rpc;
use prost::Message as _;

const INSTANCE: u8 = 0x0a;
const ADAPTER_CONFIG: u8 = 0x12;
const DEDUP_ID: u8 = 0x1a;
const QUOTA_REQUEST: u8 = 0x22;

/// Field `adapter_config`, encoded once when the handler is built. It is there even when the value is empty.
pub(crate) fn adapter_config(type_url: &str, params: &[u8]) -> Vec<u8> {
    let any = prost_types::Any { type_url: type_url.to_owned(), value: params.to_vec() };
    let mut field = Vec::new();
    put_field(&mut field, ADAPTER_CONFIG, &any.encode_to_vec());
    field
}

/// What stands in front of the instances or behind them.
pub(crate) struct Envelope<'a> {
    /// The encoded field `adapter_config`, empty to leave it out.
    pub(crate) config: &'a [u8],
    /// Field `dedup_id`.
    pub(crate) dedup_id: &'a str,
    /// Field `quota_request`.
    pub(crate) quota: Option<proto::QuotaRequest>,
}

impl Envelope<'_> {
    /// A request with one instance.
    pub(crate) fn around_one(&self, instance: &[u8]) -> Message {
        let mut whole = Vec::with_capacity(instance.len() + self.room());
        put_field(&mut whole, INSTANCE, instance);
        self.finish(&mut whole);
        Message { instances: Bytes::new(), rest: Bytes::from(whole) }
    }

    /// A request with instances that are framed as repeated field 1 already: they are not copied.
    pub(crate) fn around_framed(&self, instances: &Bytes) -> Message {
        let mut rest = Vec::with_capacity(self.room());
        self.finish(&mut rest);
        Message { instances: instances.clone(), rest: Bytes::from(rest) }
    }

    fn room(&self) -> usize {
        let quota = self.quota.as_ref().map_or(0, |quota| quota.encoded_len() + 11);
        self.config.len() + self.dedup_id.len() + quota + 22
    }

    fn finish(&self, message: &mut Vec<u8>) {
        message.put_slice(self.config);
        put_field(message, DEDUP_ID, self.dedup_id.as_bytes());
        if let Some(quota) = &self.quota {
            put_field(message, QUOTA_REQUEST, &quota.encode_to_vec());
        }
    }
}

/// A request in two pieces.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    instances: Bytes,
    rest: Bytes,
}

impl Message {
    /// The bytes, for one attempt to send them.
    pub(crate) fn buf(&self) -> Chain<Bytes, Bytes> {
        self.instances.clone().chain(self.rest.clone())
    }
}

fn put_field(buffer: &mut Vec<u8>, tag: u8, content: &[u8]) {
    buffer.put_u8(tag);
    prost::encoding::encode_varint(content.len() as u64, buffer);
    buffer.put_slice(content);
}

/// The message as the rest of the server knows it.
pub(crate) fn check_result(result: proto::CheckResult) -> CheckResult {
    CheckResult {
        status: status(result.status.unwrap_or_default()),
        valid_duration: duration(result.valid_duration),
        valid_use_count: result.valid_use_count,
    }
}

/// The message as the rest of the server knows it.
pub(crate) fn quota_result(result: proto::quota_result::Result) -> QuotaResult {
    QuotaResult {
        status: status(result.status.unwrap_or_default()),
        valid_duration: duration(result.valid_duration),
        amount: result.granted_amount,
    }
}

fn status(status: rpc::Status) -> Status {
    let details = status.details.into_iter();
    Status {
        code: status.code,
        message: status.message,
        details: details.map(|any| Any { type_url: any.type_url, value: any.value.into() }).collect(),
    }
}

/// A negative duration counts as none.
fn duration(duration: Option<prost_types::Duration>) -> Duration {
    duration.and_then(|duration| duration.try_into().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
