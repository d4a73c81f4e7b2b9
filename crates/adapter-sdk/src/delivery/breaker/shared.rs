//! One breaker for each destination of the process, whoever sends there.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use ring::digest::{SHA256, digest};

use super::{Breaker, BreakerPolicy};

/// Dead entries are looked for when there are so many.
const SWEEP_AT: usize = 64;

static BREAKERS: Mutex<Option<HashMap<[u8; 32], Weak<Breaker>>>> = Mutex::new(None);

impl Breaker {
    /// The breaker of an account at a destination, shared by every handler of the process that sends there: a backend
    /// that asks for a pause, as by `429` with `Retry-After`, means the account. `account` may be a key; only a
    /// digest of it is kept. The policy counts for the first who asks; a breaker that nobody holds is forgotten.
    pub fn for_destination(destination: &str, account: &str, policy: BreakerPolicy) -> Arc<Self> {
        let text = format!("{}:{destination}{account}", destination.len());
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(digest(&SHA256, text.as_bytes()).as_ref()) {
            *to = *from;
        }
        let mut breakers = BREAKERS.lock();
        let breakers = breakers.get_or_insert_default();
        if let Some(known) = breakers.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        if breakers.len() >= SWEEP_AT {
            breakers.retain(|_, breaker| breaker.strong_count() > 0);
        }
        let breaker = Arc::new(Self::new(policy));
        breakers.insert(key, Arc::downgrade(&breaker));
        breaker
    }
}
