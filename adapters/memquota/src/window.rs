//! How much of a limit is in use: counted until it is given back, over a rolling window, or over fixed windows.

use std::collections::VecDeque;
use std::time::Duration;

use crate::config::{Limit, Window};

/// Steps in which a rolling window moves, for windows up to a minute.
const TICK: Duration = Duration::from_millis(100);
/// Steps of a rolling window at the most: an hour moves in steps of six seconds, so that no cell is large.
const MOST_TICKS: u32 = 600;

/// The amounts in use of one cell. Times are since the start of the process.
#[derive(Debug)]
pub(crate) struct Usage {
    limit: Limit,
    tick: Duration,
    /// Amounts by the tick in which they were taken, oldest first; one entry for the other kinds.
    taken: VecDeque<(u64, i64)>,
    in_use: i64,
    last_used: Duration,
}

impl Usage {
    /// Nothing in use.
    pub(crate) fn new(limit: Limit, now: Duration) -> Self {
        let tick = match limit.window {
            // Windows are whole seconds, as they always were.
            Window::Rolling(window) => {
                let seconds = Duration::from_secs(window.as_secs() + u64::from(window.subsec_nanos() > 0));
                TICK.max(seconds / MOST_TICKS)
            }
            Window::Fixed(window) => window,
            Window::None => Duration::MAX,
        };
        Self { limit, tick, taken: VecDeque::new(), in_use: 0, last_used: now }
    }

    /// Goes on under another limit: what is in use stays so, unless the kind or length of the window changes.
    pub(crate) fn apply(&mut self, limit: Limit, now: Duration) {
        if self.limit.window != limit.window {
            *self = Self::new(limit, now);
        }
        self.limit = limit;
    }

    /// Takes all of the amount, or with `best_effort` what there is; how much was taken.
    pub(crate) fn take(&mut self, amount: i64, best_effort: bool, now: Duration) -> i64 {
        self.advance(now);
        let available = self.limit.max_amount.saturating_sub(self.in_use).max(0);
        let granted = match amount <= available {
            true => amount,
            false if best_effort => available,
            false => 0,
        };
        if granted > 0 {
            let tick = self.tick_of(now);
            let is_rolling = self.is_rolling();
            match self.taken.back_mut() {
                Some((last, taken)) if *last == tick || !is_rolling => *taken += granted,
                _ => self.taken.push_back((tick, granted)),
            }
            self.in_use += granted;
        }
        granted
    }

    /// Gives back, newest first, never more than is in use; how much was given back.
    pub(crate) fn give_back(&mut self, amount: i64, now: Duration) -> i64 {
        self.advance(now);
        let mut left = amount.min(self.in_use);
        let given = left;
        while left > 0 {
            let Some((_, taken)) = self.taken.back_mut() else { break };
            let part = left.min(*taken);
            *taken -= part;
            left -= part;
            if *taken == 0 {
                self.taken.pop_back();
            }
        }
        self.in_use -= given;
        given
    }

    /// Whether forgetting the cell would change nothing.
    pub(crate) fn is_idle(&mut self, now: Duration) -> bool {
        self.advance(now);
        self.in_use == 0
    }

    /// When it was last asked for.
    pub(crate) fn last_used(&self) -> Duration {
        self.last_used
    }

    fn is_rolling(&self) -> bool {
        matches!(self.limit.window, Window::Rolling(_))
    }

    fn tick_of(&self, now: Duration) -> u64 {
        match self.limit.window {
            Window::Rolling(_) => ticks(now, self.tick),
            // The start of the window, in milliseconds.
            Window::Fixed(_) => u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            Window::None => 0,
        }
    }

    /// Frees what has left the window.
    fn advance(&mut self, now: Duration) {
        self.last_used = now;
        let gone = match self.limit.window {
            Window::None => return,
            Window::Rolling(window) => {
                let seconds = Duration::from_secs(window.as_secs() + u64::from(window.subsec_nanos() > 0));
                let length = ticks(seconds, self.tick).max(1);
                ticks(now, self.tick).checked_sub(length)
            }
            Window::Fixed(window) => {
                now.checked_sub(window).map(|start| u64::try_from(start.as_millis()).unwrap_or(u64::MAX))
            }
        };
        let Some(gone) = gone else { return };
        while let Some((tick, taken)) = self.taken.front().copied() {
            if tick > gone {
                break;
            }
            self.taken.pop_front();
            self.in_use -= taken;
        }
    }
}

fn ticks(time: Duration, tick: Duration) -> u64 {
    let tick = tick.as_nanos().max(1);
    u64::try_from(time.as_nanos() / tick).unwrap_or(u64::MAX)
}
