//! Takes a request of a handler service apart without copying its instances.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hashbrown::HashSet;
use mixer_adapter_api::Batch;

use crate::view::InstanceView;
use crate::wire::{Fields, Malformed};

/// A `google.protobuf.Any` as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct RawAny {
    pub(super) type_url: String,
    pub(super) value: Bytes,
}

/// What is wanted of one quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct QuotaParams {
    pub(super) amount: i64,
    pub(super) best_effort: bool,
}

/// `Handle<Template>Request` of any template.
#[derive(Clone, Debug, Default)]
pub(super) struct HandleRequest<'a> {
    /// Every occurrence of field 1.
    pub(super) instances: Vec<Bytes>,
    pub(super) adapter_config: Option<RawAny>,
    pub(super) dedup_id: &'a str,
    /// By name.
    pub(super) quotas: BTreeMap<String, QuotaParams>,
}

impl<'a> HandleRequest<'a> {
    pub(super) fn parse(message: &'a Bytes) -> Result<Self, Malformed> {
        let mut request = Self::default();
        for field in Fields::new(message) {
            let field = field?;
            match field.number {
                1 => request.instances.push(message.slice_ref(field.bytes()?)),
                2 => request.adapter_config = Some(parse_any(message, field.bytes()?)?),
                3 => request.dedup_id = field.text()?,
                4 => request.quotas = parse_quotas(field.bytes()?)?,
                _ => {}
            }
        }
        Ok(request)
    }

    /// The instance of a template that is handled one by one, and its name.
    pub(super) fn instance(&mut self) -> Result<(String, Bytes), Malformed> {
        let instance = match self.instances.len() {
            0 | 1 => self.instances.pop().unwrap_or_default(),
            // A message that is sent in parts is the sum of its parts.
            _ => self.instances.iter().fold(BytesMut::new(), add).freeze(),
        };
        let name = InstanceView::new(&instance).name()?.to_owned();
        Ok((name, instance))
    }

    /// The instances of a report, and how many of them were left out because their names cannot be read.
    pub(super) fn batch(&mut self) -> (Batch, Vec<Malformed>) {
        let mut names = HashSet::new();
        let mut malformed = Vec::new();
        let mut named = Vec::with_capacity(self.instances.len());
        for instance in self.instances.drain(..) {
            match InstanceView::new(&instance).name() {
                Ok(name) => named.push((intern(&mut names, name), instance.clone())),
                Err(error) => malformed.push(error),
            }
        }
        (Batch::from_instances(named), malformed)
    }
}

fn add(mut sum: BytesMut, part: &Bytes) -> BytesMut {
    sum.extend_from_slice(part);
    sum
}

/// A report has few names, and each of them often.
fn intern(names: &mut HashSet<Arc<str>>, name: &str) -> Arc<str> {
    if let Some(known) = names.get(name) {
        return known.clone();
    }
    let new: Arc<str> = name.into();
    names.insert(new.clone());
    new
}

fn parse_any(message: &Bytes, bytes: &[u8]) -> Result<RawAny, Malformed> {
    let mut any = RawAny::default();
    for field in Fields::new(bytes) {
        let field = field?;
        match field.number {
            1 => any.type_url = field.text()?.to_owned(),
            2 => any.value = message.slice_ref(field.bytes()?),
            _ => {}
        }
    }
    Ok(any)
}

fn parse_quotas(bytes: &[u8]) -> Result<BTreeMap<String, QuotaParams>, Malformed> {
    let mut quotas = BTreeMap::new();
    for field in Fields::new(bytes) {
        let field = field?;
        if field.number != 1 {
            continue;
        }
        let (mut name, mut params) = ("", QuotaParams::default());
        for field in Fields::new(field.bytes()?) {
            let field = field?;
            match field.number {
                1 => name = field.text()?,
                2 => params = parse_quota_params(field.bytes()?)?,
                _ => {}
            }
        }
        quotas.insert(name.to_owned(), params);
    }
    Ok(quotas)
}

fn parse_quota_params(bytes: &[u8]) -> Result<QuotaParams, Malformed> {
    let mut params = QuotaParams::default();
    for field in Fields::new(bytes) {
        let field = field?;
        match field.number {
            1 => params.amount = field.int64()?,
            2 => params.best_effort = field.varint()? != 0,
            _ => {}
        }
    }
    Ok(params)
}
