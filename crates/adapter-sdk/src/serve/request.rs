//! Takes a request of a handler service apart without copying its instances.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
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
#[derive(Clone, Debug)]
pub(super) struct HandleRequest<'a> {
    message: &'a Bytes,
    /// Where all occurrences of field 1 stand together, when nothing stands between them.
    frame: Option<Range<usize>>,
    /// Where what each of them holds stands.
    instances: Vec<Range<usize>>,
    pub(super) adapter_config: Option<RawAny>,
    pub(super) dedup_id: &'a str,
    /// By name.
    pub(super) quotas: BTreeMap<String, QuotaParams>,
}

impl<'a> HandleRequest<'a> {
    pub(super) fn parse(message: &'a Bytes) -> Result<Self, Malformed> {
        let mut request = Self {
            message,
            frame: Some(0..0),
            instances: Vec::new(),
            adapter_config: None,
            dedup_id: "",
            quotas: BTreeMap::new(),
        };
        let mut fields = Fields::new(message);
        while let Some((start, field)) = fields.next_from() {
            let field = field?;
            match field.number {
                1 => {
                    let end = fields.position();
                    request.instances.push(end - field.bytes()?.len()..end);
                    request.frame = joined(request.frame, start..end);
                }
                2 => request.adapter_config = Some(parse_any(message, field.bytes()?)?),
                3 => request.dedup_id = field.text()?,
                4 => request.quotas = parse_quotas(field.bytes()?)?,
                _ => {}
            }
        }
        Ok(request)
    }

    /// The instances in order.
    pub(super) fn instances(&self) -> impl ExactSizeIterator<Item = &'a [u8]> {
        let message = self.message;
        self.instances.iter().map(|range| message.get(range.clone()).unwrap_or_default())
    }

    /// The instance of a template that is handled one by one, and its name.
    pub(super) fn instance(&self) -> Result<(String, Bytes), Malformed> {
        let mut instances = self.instances();
        let first = instances.next().unwrap_or_default();
        let instance = match instances.len() {
            0 => self.message.slice_ref(first),
            // A message that is sent in parts is the sum of its parts.
            _ => self.instances().collect::<Vec<_>>().concat().into(),
        };
        let name = InstanceView::new(&instance).name()?.to_owned();
        Ok((name, instance))
    }

    /// The instances of a report, and how many of them were left out because their names cannot be read. As a rule nothing
    /// is copied.
    pub(super) fn batch(&self) -> (Batch, Vec<Malformed>) {
        let mut names = Names::default();
        let mut malformed = Vec::new();
        let mut named = Vec::with_capacity(self.instances.len());
        for (range, instance) in self.instances.iter().zip(self.instances()) {
            match InstanceView::new(instance).name() {
                Ok(name) => named.push((names.intern(name), range.clone())),
                Err(error) => malformed.push(error),
            }
        }
        let frame = self.frame.clone().filter(|_| malformed.is_empty());
        let batch = frame.and_then(|frame| Batch::from_frame(self.message, frame, &named));
        (batch.unwrap_or_else(|| self.copied(&named)), malformed)
    }

    fn copied(&self, named: &[(Arc<str>, Range<usize>)]) -> Batch {
        let instances = named.iter().map(|(name, range)| (name.clone(), self.message.slice(range.clone())));
        Batch::from_instances(instances)
    }
}

/// The frame and what follows it; none when something stands between them.
fn joined(frame: Option<Range<usize>>, next: Range<usize>) -> Option<Range<usize>> {
    let frame = frame?;
    if frame.is_empty() {
        return Some(next);
    }
    (frame.end == next.start).then_some(frame.start..next.end)
}

/// A report has few names, and each of them often.
#[derive(Default)]
struct Names {
    all: HashSet<Arc<str>>,
    last: Option<Arc<str>>,
}

impl Names {
    fn intern(&mut self, name: &str) -> Arc<str> {
        if let Some(last) = self.last.as_ref().filter(|last| ***last == *name) {
            return last.clone();
        }
        let interned = self.all.get_or_insert_with(name, |name| name.into()).clone();
        self.last = Some(interned.clone());
        interned
    }
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

#[cfg(test)]
mod tests;
