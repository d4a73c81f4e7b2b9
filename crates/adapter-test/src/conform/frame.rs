//! Requests of handler services as bytes: what Mixer sends, and what it might.

use bytes::Bytes;
use mixer_proto::adapter::v1beta1 as model;
use prost::Message as _;
use prost_types::Any;

/// The type URL of a configuration that is the id of a session.
pub(crate) const SESSION: &str = "google.protobuf.Any.type_url";

/// A `Handle<Template>Request` of any template.
#[derive(Clone, Debug, Default)]
pub(crate) struct HandleRequest {
    pub(crate) instances: Vec<Vec<u8>>,
    pub(crate) config: Option<Any>,
    pub(crate) dedup_id: String,
    /// Name and amount.
    pub(crate) quota: Option<(String, i64, bool)>,
    /// Bytes put at the end.
    pub(crate) tail: Vec<u8>,
    /// Lengths of instances are written in one byte more than they need, as the original does.
    pub(crate) padded: bool,
}

impl HandleRequest {
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = Vec::new();
        for instance in &self.instances {
            bytes.push(0x0a);
            put_length(&mut bytes, instance.len(), self.padded);
            bytes.extend_from_slice(instance);
        }
        let mut put = |tag: u8, message: &[u8]| {
            bytes.push(tag);
            put_length(&mut bytes, message.len(), false);
            bytes.extend_from_slice(message);
        };
        if let Some(config) = &self.config {
            put(0x12, &config.encode_to_vec());
        }
        put(0x1a, self.dedup_id.as_bytes());
        if let Some((name, amount, best_effort)) = &self.quota {
            let params = model::quota_request::QuotaParams { amount: *amount, best_effort: *best_effort };
            let quota = model::QuotaRequest { quotas: [(name.clone(), params)].into() };
            put(0x22, &quota.encode_to_vec());
        }
        bytes.extend_from_slice(&self.tail);
        bytes.into()
    }
}

fn put_length(bytes: &mut Vec<u8>, length: usize, padded: bool) {
    let mut rest = length;
    loop {
        let last = rest < 0x80;
        let more = if last && !padded { 0 } else { 0x80 };
        bytes.push((rest & 0x7f) as u8 | more);
        rest >>= 7;
        if last {
            break;
        }
    }
    if padded {
        bytes.push(0);
    }
}

/// A field that nobody knows, as a varint and as bytes: numbers that templates must not use.
pub(crate) fn unknown_fields() -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::uint64::encode(536_870_911, &7, &mut bytes);
    prost::encoding::string::encode(536_870_910, &"from the future".to_owned(), &mut bytes);
    bytes
}

#[cfg(test)]
mod tests;
