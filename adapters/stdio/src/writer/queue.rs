//! What waits to be written, with a bound in bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::Losses;
use crate::config::Rotation;

/// Bytes that may wait for an output, what is being written included. A single batch may be larger.
pub(super) const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Something for the thread of a writer to do.
#[derive(Debug)]
pub(super) enum Work {
    /// Write whole lines; those that fail are losses of whoever sent them.
    Lines { bytes: Vec<u8>, losses: Arc<Losses> },
    /// From now on rotate like this.
    Rotation(Option<Rotation>),
    /// Tell that everything before was written.
    Flush(oneshot::Sender<()>),
}

/// Why lines were not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// More than enough waits already.
    QueueFull,
    /// The handler was closed.
    Closed,
}

impl Refused {
    /// The word for the counter of dropped instances.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Closed => "closed",
        }
    }
}

/// The queue of a writer.
#[derive(Debug)]
pub(super) struct Queue {
    name: String,
    state: Mutex<State>,
    something_to_do: Condvar,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Work>,
    /// Of lines that wait or are being written.
    bytes: usize,
    /// How many handlers may send.
    lanes: usize,
    /// Whether the thread is gone.
    ended: bool,
}

impl Queue {
    /// An empty queue with one lane. The name of the output is for people.
    pub(super) fn new(name: String) -> Self {
        let state = State { waiting: VecDeque::new(), bytes: 0, lanes: 1, ended: false };
        Self { name, state: Mutex::new(state), something_to_do: Condvar::new() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the thread is gone, so that another writer may take the output.
    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// Adds a lane. False when the thread is gone.
    pub(super) fn attach(&self) -> bool {
        let mut state = self.state.lock();
        if !state.ended {
            state.lanes += 1;
        }
        !state.ended
    }

    /// Takes a lane away. The thread ends after the last one, when everything is written.
    pub(super) fn detach(&self) {
        let mut state = self.state.lock();
        state.lanes = state.lanes.saturating_sub(1);
        drop(state);
        self.something_to_do.notify_one();
    }

    /// Queues lines, unless too much waits.
    pub(super) fn lines(&self, bytes: Vec<u8>, losses: &Arc<Losses>) -> Result<(), Refused> {
        let mut state = self.state.lock();
        if state.bytes > 0 && state.bytes.saturating_add(bytes.len()) > MAX_BYTES {
            return Err(Refused::QueueFull);
        }
        state.bytes += bytes.len();
        state.waiting.push_back(Work::Lines { bytes, losses: losses.clone() });
        drop(state);
        self.something_to_do.notify_one();
        Ok(())
    }

    /// Queues anything that is not lines.
    pub(super) fn work(&self, work: Work) {
        self.state.lock().waiting.push_back(work);
        self.something_to_do.notify_one();
    }

    /// What to do next, after so many bytes were written; waits for it. None when the thread has to end.
    pub(super) fn next(&self, written: usize) -> Option<Work> {
        let mut state = self.state.lock();
        state.bytes = state.bytes.saturating_sub(written);
        loop {
            if let Some(work) = state.waiting.pop_front() {
                return Some(work);
            }
            if state.lanes == 0 {
                state.ended = true;
                return None;
            }
            self.something_to_do.wait(&mut state);
        }
    }
}
