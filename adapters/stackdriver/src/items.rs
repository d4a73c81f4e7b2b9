//! The bodies of calls: a list of items in JSON, put together and taken apart again byte by byte.

use std::collections::HashMap;

use bytes::Bytes;
use mixer_adapter_sdk::delivery::http::{gunzip, gzip};
use serde_json::value::RawValue;

/// The largest body that is taken apart: more than any that is made.
const MAX_BODY: usize = 64 << 20;

/// A list of items that are JSON, in a field, before other fields (`,"more":1`).
pub(crate) fn body(field: &str, items: &[&[u8]], more: &str) -> Vec<u8> {
    let items = items.join(&b',');
    [b"{\"", field.as_bytes(), b"\":[", &items, b"]", more.as_bytes(), b"}"].concat()
}

/// A body that is compressed.
pub(crate) fn compressed(field: &str, items: &[Vec<u8>], more: &str) -> Bytes {
    let items: Vec<&[u8]> = items.iter().map(Vec::as_slice).collect();
    gzip(&body(field, &items, more))
}

/// The items of a body as they were; none when it is not such a body.
pub(crate) fn items(body: &[u8], field: &str) -> Option<Vec<Vec<u8>>> {
    let fields: HashMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    let items: Vec<&RawValue> = serde_json::from_str(fields.get(field)?.get()).ok()?;
    Some(items.into_iter().map(|item| item.get().as_bytes().to_vec()).collect())
}

/// The items of a body that is compressed.
pub(crate) fn items_of_compressed(body: &[u8], field: &str) -> Option<Vec<Vec<u8>>> {
    items(&gunzip(body, MAX_BODY)?, field)
}

#[cfg(test)]
mod tests;
