//! A request as it waits to be sent: compressed, with what is needed to judge the answer.

use std::collections::HashMap;
use std::hash::Hash;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::HeaderMap;
use prost::Message as _;

use super::encode;
use super::message::{Label, Request, WriteRequest};

const VERSION_1: u8 = 1;
const VERSION_2: u8 = 2;

/// What is in a request, or was written of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) samples: u64,
    pub(super) histograms: u64,
    pub(super) exemplars: u64,
}

impl Counts {
    /// What is in a request.
    pub(super) fn of(request: &Request) -> Self {
        let mut counts = Self::default();
        for series in &request.timeseries {
            counts.samples += series.samples.len() as u64;
            counts.histograms += series.histograms.len() as u64;
            counts.exemplars += series.exemplars.len() as u64;
        }
        counts
    }

    /// The same of a request of 1.0.
    fn of_old(request: &WriteRequest) -> Self {
        let mut counts = Self::default();
        for series in &request.timeseries {
            counts.samples += series.samples.len() as u64;
            counts.histograms += series.histograms.len() as u64;
            counts.exemplars += series.exemplars.len() as u64;
        }
        counts
    }

    /// What a receiver says that it wrote; none when it says nothing. One header that is missing beside others means
    /// none of that. (Remote-Write 2.0, "Required Written Response Headers".)
    pub(super) fn written(headers: &HeaderMap) -> Option<Self> {
        let [samples, histograms, exemplars] =
            [super::receiver::SAMPLES, super::receiver::HISTOGRAMS, super::receiver::EXEMPLARS].map(|name| {
                headers.get(name).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok())
            });
        if [samples, histograms, exemplars] == [None; 3] {
            return None;
        }
        let or_none = Option::unwrap_or_default;
        Some(Self {
            samples: or_none(samples),
            histograms: or_none(histograms),
            exemplars: or_none(exemplars),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A compressed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) is_v1: bool,
    pub(super) counts: Counts,
    /// In the block format of Snappy.
    pub(super) compressed: Bytes,
}

impl Body {
    /// Compresses a message. None when it is larger than Snappy takes (4 GiB).
    pub(super) fn new(is_v1: bool, counts: Counts, message: &[u8]) -> Option<Self> {
        let compressed = snap::raw::Encoder::new().compress_vec(message).ok()?;
        Some(Self { is_v1, counts, compressed: compressed.into() })
    }

    /// In front of the request stand its version and counts.
    pub(super) fn to_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(25 + self.compressed.len());
        bytes.put_u8(if self.is_v1 { VERSION_1 } else { VERSION_2 });
        bytes.put_u64(self.counts.samples);
        bytes.put_u64(self.counts.histograms);
        bytes.put_u64(self.counts.exemplars);
        bytes.put_slice(&self.compressed);
        bytes.freeze()
    }

    /// Reads what [`Body::to_bytes`] wrote.
    pub(super) fn from_bytes(bytes: &Bytes) -> Option<Self> {
        let mut bytes = bytes.clone();
        let is_v1 = match bytes.try_get_u8().ok()? {
            VERSION_1 => true,
            VERSION_2 => false,
            _ => return None,
        };
        let counts = Counts {
            samples: bytes.try_get_u64().ok()?,
            histograms: bytes.try_get_u64().ok()?,
            exemplars: bytes.try_get_u64().ok()?,
        };
        Some(Self { is_v1, counts, compressed: bytes })
    }

    /// The same as a request of 1.0. None when it is none of 2.0.
    pub(super) fn downgraded(&self) -> Option<Self> {
        let message = snap::raw::Decoder::new().decompress_vec(&self.compressed).ok()?;
        let request = Request::decode(&message[..]).ok()?;
        Self::new(true, self.counts, &encode::downgraded(&request).encode_to_vec())
    }

    /// The same in two requests; none when there is but one series in it. What there is of a series stays together, because
    /// it has to come in order.
    pub(super) fn halves(&self) -> Option<[Self; 2]> {
        let message = snap::raw::Decoder::new().decompress_vec(&self.compressed).ok()?;
        let [first, second] = match self.is_v1 {
            true => {
                let WriteRequest { timeseries, metadata } = WriteRequest::decode(&message[..]).ok()?;
                let pairs = |labels: &[Label]| -> Vec<(String, String)> {
                    labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect()
                };
                divided(timeseries, |series| pairs(&series.labels))?.map(|timeseries| {
                    let half = WriteRequest { timeseries, metadata: metadata.clone() };
                    Self::new(true, Counts::of_old(&half), &half.encode_to_vec())
                })
            }
            false => {
                let Request { timeseries, symbols } = Request::decode(&message[..]).ok()?;
                divided(timeseries, |series| series.labels_refs.clone())?.map(|timeseries| {
                    let symbols = symbols.clone();
                    let half = encode::without_unused_symbols(Request { symbols, timeseries });
                    Self::new(false, Counts::of(&half), &half.encode_to_vec())
                })
            }
        };
        Some([first?, second?])
    }
}

/// Divides what has different keys, in its order; none when all have the same.
fn divided<T, K: Hash + Eq>(all: Vec<T>, key: impl Fn(&T) -> K) -> Option<[Vec<T>; 2]> {
    let mut numbers: HashMap<K, usize> = HashMap::new();
    let mut numbered = Vec::with_capacity(all.len());
    for one in all {
        let next = numbers.len();
        numbered.push((*numbers.entry(key(&one)).or_insert(next), one));
    }
    let half = numbers.len() / 2;
    let (first, second): (Vec<_>, Vec<_>) = numbered.into_iter().partition(|(number, _)| *number < half);
    let without_numbers = |numbered: Vec<(usize, T)>| numbered.into_iter().map(|(_, one)| one).collect();
    (half > 0).then(|| [first, second].map(without_numbers))
}
