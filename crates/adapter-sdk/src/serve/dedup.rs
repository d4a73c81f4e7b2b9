//! Calls that come again: a caller that has lost an answer asks once more with the same `dedup_id`, and gets the answer
//! of the first call instead of a second allocation. What is kept is bounded in number and time.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::request::HandleRequest;
use crate::wire::{Fields, Payload};

/// What makes two calls the same: handler, template, `dedup_id`, the fields of the instance in any order, and what is
/// wanted of a quota. A caller that uses one id for different things is not answered with another one's answer.
pub(super) type Key = (u64, u64);

/// The answers of the last calls.
#[derive(Debug)]
pub(super) struct Dedup {
    window: Duration,
    max: usize,
    hashers: (RandomState, RandomState),
    answers: Mutex<Answers>,
}

#[derive(Debug, Default)]
struct Answers {
    by_key: HashMap<Key, Slot>,
    /// In the order in which they will be forgotten.
    oldest: VecDeque<(Instant, Key)>,
}

#[derive(Clone, Debug)]
enum Slot {
    /// The first call is being handled.
    Pending(watch::Receiver<Option<Bytes>>),
    Answered(Bytes),
}

/// Whose turn it is.
pub(super) enum Turn<'a> {
    /// The call is the first one, and answers for all.
    First(First<'a>),
    /// The answer of the first call.
    Again(Bytes),
}

impl Dedup {
    /// Keeps this many answers for so long; none when nothing is to be kept.
    pub(super) fn new(window: Duration, max: usize) -> Option<Self> {
        let hashers = (RandomState::new(), RandomState::new());
        let answers = Mutex::default();
        (!window.is_zero() && max > 0).then_some(Self { window, max, hashers, answers })
    }

    /// The key of a call; none when it has no `dedup_id`.
    pub(super) fn key(&self, handler: u64, path: &str, request: &HandleRequest<'_>) -> Option<Key> {
        if request.dedup_id.is_empty() {
            return None;
        }
        let hash = |hasher: &RandomState| {
            // A sum does not know an order: entries of a map come in any.
            let fields = request.instances().flat_map(Fields::new).flatten();
            let sum = fields.fold(0_u64, |sum, field| {
                let hash = match field.payload {
                    Payload::Bytes(bytes) => hasher.hash_one((field.number, bytes)),
                    Payload::Varint(number) | Payload::Fixed64(number) => {
                        hasher.hash_one((field.number, number))
                    }
                    Payload::Fixed32(number) => hasher.hash_one((field.number, number)),
                };
                sum.wrapping_add(hash)
            });
            hasher.hash_one((handler, path, request.dedup_id, sum, &request.quotas))
        };
        Some((hash(&self.hashers.0), hash(&self.hashers.1)))
    }

    /// The answer of an earlier call, waiting for it while that is handled; or the duty to give one.
    pub(super) async fn turn(&self, key: Key) -> Turn<'_> {
        loop {
            let mut pending = match self.find(key) {
                Ok(Slot::Answered(answer)) => return Turn::Again(answer),
                Ok(Slot::Pending(pending)) => pending,
                Err(first) => return Turn::First(first),
            };
            let answer = pending.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
            if let Some(answer) = answer {
                return Turn::Again(answer);
            }
            // The first call failed or was given up: the next one tries.
        }
    }

    fn find(&self, key: Key) -> Result<Slot, First<'_>> {
        let now = Instant::now();
        let mut answers = self.answers.lock();
        let Answers { by_key, oldest } = &mut *answers;
        while let Some((since, old)) = oldest.front()
            && (now.saturating_duration_since(*since) >= self.window || oldest.len() >= self.max)
        {
            by_key.remove(old);
            oldest.pop_front();
        }
        if let Some(slot) = by_key.get(&key) {
            return Ok(slot.clone());
        }
        let (sender, receiver) = watch::channel(None);
        by_key.insert(key, Slot::Pending(receiver));
        oldest.push_back((now, key));
        Err(First { dedup: self, key, sender, done: false })
    }
}

/// The first call of its kind. When it goes without an answer, the next one is the first.
pub(super) struct First<'a> {
    dedup: &'a Dedup,
    key: Key,
    sender: watch::Sender<Option<Bytes>>,
    done: bool,
}

impl First<'_> {
    pub(super) fn answered(mut self, answer: &Bytes) {
        self.done = true;
        if let Some(slot) = self.dedup.answers.lock().by_key.get_mut(&self.key) {
            *slot = Slot::Answered(answer.clone());
        }
        self.sender.send_replace(Some(answer.clone()));
    }
}

impl Drop for First<'_> {
    fn drop(&mut self) {
        if !self.done {
            let mut answers = self.dedup.answers.lock();
            answers.by_key.remove(&self.key);
            let place = answers.oldest.iter().rposition(|(_, key)| *key == self.key);
            if let Some(place) = place {
                answers.oldest.remove(place);
            }
        }
    }
}

#[cfg(test)]
mod tests;
