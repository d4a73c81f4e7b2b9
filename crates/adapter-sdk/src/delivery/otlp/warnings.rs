//! What collectors say although they have taken everything: counted, and logged at a bounded rate.

use std::time::{Duration, Instant};

use std::sync::Mutex;
use std::sync::PoisonError;

use super::item::Signal;

/// At most one line in this time.
const LOG_PERIOD: Duration = Duration::from_secs(10);

/// When the last line was written, and what was held back since.
#[derive(Debug, Default)]
pub(super) struct Warnings(Mutex<(Option<Instant>, u64)>);

impl Warnings {
    pub(super) fn tell(&self, signal: Signal, message: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, held_back) = &mut *state;
        if last.is_some_and(|last| last.elapsed() < LOG_PERIOD) {
            *held_back += 1;
            return;
        }
        *last = Some(Instant::now());
        let held_back = std::mem::take(held_back);
        let message: String = message.chars().take(300).collect();
        tracing::warn!(
            signal = signal.name(),
            held_back,
            "the collector has taken everything, and warns: {message}"
        );
    }
}
