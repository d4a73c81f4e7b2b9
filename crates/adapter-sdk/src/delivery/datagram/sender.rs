//! Takes lines from many, and sends them in payloads from one task: every while, or as soon as a payload is full.

mod worker;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::address::LineAddress;
use super::lines::Lines;
use super::link::Link;
use super::queue::{Limits, Lost, PayloadQueue};
use crate::delivery::metrics::BackendMetrics;
use crate::delivery::outcome::reason;
use crate::serve::throttle::Throttle;
use worker::Worker;

/// At most one line of a kind in this time.
const LOG_PERIOD: Duration = Duration::from_secs(10);

/// What DogStatsD reads at once unless it is told otherwise.
const LINE: usize = 8192;

/// How lines are sent.
#[derive(Clone, Debug)]
pub struct LineOptions {
    /// Where to.
    pub address: LineAddress,
    /// The largest payload of several lines in bytes, line ends included.
    pub payload_bytes: usize,
    /// The longest line in bytes, line end included. One that is longer than a payload travels alone; one that is longer
    /// than this is dropped.
    pub line_bytes: usize,
    /// The most lines in a payload.
    pub payload_lines: usize,
    /// How long a line waits for others.
    pub flush_interval: Duration,
    /// Bytes that may wait for a receiver which is slow; beyond them the oldest payload is dropped.
    pub queue_bytes: usize,
    /// How long a receiver may take to read a payload, before it is dropped. Behind one that it did not read the next ones
    /// wait for a tenth of a second at most.
    pub send_timeout: Duration,
    /// How often [`LineSource::report`] is asked; never by default.
    pub report_interval: Option<Duration>,
}

impl LineOptions {
    /// Payloads of the optimal size every 0.3 seconds, lines of 8 KiB, 4 MiB that wait, 1 second to read a payload.
    pub fn new(address: LineAddress) -> Self {
        Self {
            payload_bytes: address.optimal_payload(),
            line_bytes: LINE,
            address,
            payload_lines: usize::MAX,
            flush_interval: Duration::from_millis(300),
            queue_bytes: 4 << 20,
            send_timeout: Duration::from_secs(1),
            report_interval: None,
        }
    }
}

/// Lines that come about by time, not by a call.
pub trait LineSource: Send + 'static {
    /// Adds what was put together since the last flush. Called before each flush, and a last time at the end.
    fn flush(&mut self, lines: &mut Lines, last: bool);

    /// A payload about what was sent so far, which travels alone. Called each [`LineOptions::report_interval`], and at the
    /// end.
    fn report(&mut self, _counts: &PayloadCounts, _transport: &str) -> Option<Vec<u8>> {
        None
    }

    /// The last report was sent: what it told is told.
    fn reported(&mut self) {}
}

/// No such lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLines;

impl LineSource for NoLines {
    fn flush(&mut self, _: &mut Lines, _: bool) {}
}

/// What became of payloads since the last report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayloadCounts {
    /// Payloads that were sent.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Payloads for which there was no room.
    pub dropped_queue: u64,
    /// Their bytes.
    pub dropped_queue_bytes: u64,
    /// Payloads that could not be sent.
    pub dropped_writer: u64,
    /// Their bytes.
    pub dropped_writer_bytes: u64,
}

/// Sends lines to one address. Dropping it drops what waits; [`LineSender::close`] sends it first.
pub struct LineSender {
    shared: Arc<Shared>,
    running: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    options: LineOptions,
    metrics: BackendMetrics,
    state: Mutex<State>,
    changed: Notify,
    /// Items and bytes that are neither sent nor lost yet.
    pending: Mutex<(usize, usize)>,
    lost: Throttle,
}

#[derive(Debug)]
struct State {
    queue: PayloadQueue,
    counts: PayloadCounts,
    closed: bool,
}

impl State {
    fn account(&mut self, lost: &Lost) {
        self.counts.dropped_queue += lost.evicted.len() as u64;
        self.counts.dropped_queue_bytes += lost.evicted.iter().map(|(_, bytes)| *bytes as u64).sum::<u64>();
    }
}

impl LineSender {
    /// Starts on the current runtime. An address where nobody listens is no error: it is told in the log, and looked at
    /// again for each payload.
    pub fn start(options: LineOptions, metrics: BackendMetrics, source: impl LineSource) -> Self {
        let limits = Limits {
            payload: options.payload_bytes,
            line: options.line_bytes.max(options.payload_bytes),
            lines: options.payload_lines.max(1),
            queue: options.queue_bytes,
        };
        let link = Link::new(options.address.clone());
        let state =
            State { queue: PayloadQueue::new(limits), counts: PayloadCounts::default(), closed: false };
        let shared = Arc::new(Shared {
            options,
            metrics,
            state: Mutex::new(state),
            changed: Notify::new(),
            pending: Mutex::default(),
            lost: Throttle::new(LOG_PERIOD),
        });
        let running = tokio::spawn(Worker::new(shared.clone(), link, source).run());
        Self { shared, running: Mutex::new(Some(running)) }
    }

    /// What is counted.
    pub fn metrics(&self) -> &BackendMetrics {
        &self.shared.metrics
    }

    /// How lines are sent.
    pub fn options(&self) -> &LineOptions {
        &self.shared.options
    }

    /// Takes lines over. Lines that are too long or come after the end are counted as dropped; whoever makes them counts
    /// what was received.
    pub fn send(&self, lines: &Lines) {
        self.shared.push(lines);
    }

    /// Sends everything that waits, and ends; what is not sent in time is dropped.
    pub async fn close(&self, patience: Duration) {
        self.shared.state.lock().closed = true;
        self.shared.changed.notify_one();
        let running = self.running.lock().take();
        if let Some(mut running) = running
            && tokio::time::timeout(patience, &mut running).await.is_err()
        {
            running.abort();
            let _ = running.await;
        }
        self.shared.give_up_rest();
    }
}

impl Drop for LineSender {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        if let Some(running) = self.running.get_mut().take() {
            running.abort();
            self.shared.give_up_rest();
        }
    }
}

impl fmt::Debug for LineSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineSender").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

impl Shared {
    /// Takes lines of callers, who may come too late.
    fn push(&self, lines: &Lines) {
        let (items, bytes) = lines.size();
        if lines.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            return self.lose(items, 0, reason::CLOSED);
        }
        self.hold(items, bytes);
        let lost = state.queue.push(lines);
        let waiting = state.queue.len();
        state.account(&lost);
        drop(state);
        self.tell(lost);
        if waiting > 0 {
            self.changed.notify_one();
        }
    }

    /// Takes lines of the task itself.
    fn add(&self, lines: &Lines) {
        let (items, bytes) = lines.size();
        self.hold(items, bytes);
        let mut state = self.state.lock();
        let lost = state.queue.push(lines);
        state.account(&lost);
        drop(state);
        self.tell(lost);
    }

    fn hold(&self, items: usize, bytes: usize) {
        let (pending, pending_bytes) = &mut *self.pending.lock();
        *pending += items;
        *pending_bytes += bytes;
        self.metrics.queue.add(items, bytes);
    }

    /// Makes a payload of the lines that have none yet.
    fn seal(&self) {
        let mut lost = Lost::default();
        let mut state = self.state.lock();
        state.queue.seal(&mut lost);
        state.account(&lost);
        drop(state);
        self.tell(lost);
    }

    fn tell(&self, lost: Lost) {
        for (items, bytes) in lost.evicted {
            self.lose(items, bytes, reason::QUEUE_FULL);
        }
        for (items, bytes) in lost.too_large {
            self.lose(items, bytes, reason::TOO_LARGE);
        }
    }

    fn settle(&self, items: usize, bytes: usize) {
        let (pending, pending_bytes) = &mut *self.pending.lock();
        // At the end everything may have been given up in the same moment.
        let (items, bytes) = (items.min(*pending), bytes.min(*pending_bytes));
        *pending -= items;
        *pending_bytes -= bytes;
        self.metrics.queue.sub(items, bytes);
    }

    fn lose(&self, items: usize, bytes: usize, reason: &'static str) {
        if reason != reason::CLOSED {
            self.settle(items, bytes);
        }
        self.metrics.dropped(reason, items);
        if items > 0
            && let Some(held_back) = self.lost.pass()
        {
            let backend = self.metrics.backend();
            let why = match reason {
                reason::QUEUE_FULL => "the daemon does not read as fast as lines come",
                reason::TOO_LARGE => "a line is longer than the daemon reads",
                _ => "the handler is closed",
            };
            tracing::error!(backend, items, reason, held_back, "lines were lost: {why}");
        }
    }

    /// Nothing is settled after this: the task is gone, and who comes now is turned away.
    fn give_up_rest(&self) {
        let (rest, bytes) = std::mem::take(&mut *self.pending.lock());
        self.metrics.queue.sub(rest, bytes);
        if rest > 0 {
            self.metrics.dropped(reason::SHUTDOWN, rest);
            let backend = self.metrics.backend();
            tracing::error!(backend, items = rest, "lines were not sent in time for the end");
        }
    }
}
