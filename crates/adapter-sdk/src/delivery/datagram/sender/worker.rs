//! The task that sends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::super::failure::Failure;
use super::super::lines::Lines;
use super::super::link::Link;
use super::super::outage::Outage;
use super::super::queue::Packed;
use super::{LineSource, PayloadCounts, Shared};

/// How long a receiver may take that did not read the payload before.
const STALLED: Duration = Duration::from_millis(100);

pub(super) struct Worker<S> {
    shared: Arc<Shared>,
    link: Link,
    source: S,
    lines: Lines,
    outage: Outage,
    /// A payload that was sent without an answer: until the next one or the next flush it may turn out that nobody was
    /// there.
    unsettled: Option<(usize, usize)>,
    /// Whether the receiver did not read the last payload in time: there is no use in waiting for each of the next ones.
    stalled: bool,
    next_report: Option<Instant>,
}

impl<S: LineSource> Worker<S> {
    pub(super) fn new(shared: Arc<Shared>, link: Link, source: S) -> Self {
        let next_report = shared.options.report_interval.map(|interval| Instant::now() + interval);
        Self {
            outage: Outage::new(shared.metrics.backend()),
            shared,
            link,
            source,
            lines: Lines::default(),
            unsettled: None,
            stalled: false,
            next_report,
        }
    }

    pub(super) async fn run(mut self) {
        let period = self.shared.options.flush_interval;
        let mut ticks = interval_at(Instant::now() + period, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Whoever looks at the log of the start learns of a wrong address.
        if let Ok(Err(failure)) = timeout(self.shared.options.send_timeout, self.link.connect()).await {
            self.outage.lost(self.link.address(), 0, &failure);
        }
        while !self.shared.state.lock().closed {
            tokio::select! {
                biased;
                _ = ticks.tick() => {
                    self.flush(false).await;
                    self.link.look().await;
                    if self.next_report.is_some_and(|next| Instant::now() >= next) {
                        self.report().await;
                    }
                }
                () = self.shared.changed.notified() => self.drain().await,
            }
        }
        self.flush(true).await;
        self.settle();
        if self.next_report.is_some() {
            self.report().await;
        }
    }

    async fn flush(&mut self, last: bool) {
        self.settle();
        self.source.flush(&mut self.lines, last);
        // After the end nobody else adds lines.
        self.shared.add(&self.lines);
        self.lines.clear();
        self.shared.seal();
        self.drain().await;
    }

    /// Sends as many payloads as wait now: those that come meanwhile do not hold up what is due.
    async fn drain(&mut self) {
        let waiting = self.shared.state.lock().queue.len();
        for _ in 0..waiting {
            let Some(payload) = self.shared.state.lock().queue.pop() else { break };
            self.send(payload).await;
        }
    }

    async fn send(&mut self, payload: Packed) {
        self.settle();
        let Packed { bytes, items, .. } = payload;
        let began = Instant::now();
        let attempt = self.attempt(&bytes).await;
        // There is no answer: it is the time until the system has the payload.
        self.shared.metrics.answered(began.elapsed());
        if self.link.sent_again() {
            self.shared.metrics.retried(items);
        }
        match attempt {
            Ok(()) if self.link.is_silent() => self.unsettled = Some((items, bytes.len())),
            Ok(()) => self.sent(items, bytes.len()),
            Err(failure) => self.lost(items, bytes.len(), &failure),
        }
    }

    async fn attempt(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let patience = self.shared.options.send_timeout;
        let patience = if self.stalled { patience.min(STALLED) } else { patience };
        let sent = timeout(patience, self.link.send(payload)).await;
        self.stalled = sent.is_err();
        sent.unwrap_or_else(|_| Err(Failure::new("timeout", format!("not read within {patience:?}"))))
    }

    /// Decides what became of the payload that was sent without an answer.
    fn settle(&mut self) {
        let Some((items, bytes)) = self.unsettled.take() else { return };
        match self.link.refused() {
            Ok(()) => self.sent(items, bytes),
            Err(failure) => self.lost(items, bytes, &failure),
        }
    }

    fn sent(&mut self, items: usize, bytes: usize) {
        self.outage.over(self.link.address());
        self.shared.settle(items, bytes);
        self.shared.metrics.sent(items);
        let counts = &mut self.shared.state.lock().counts;
        counts.sent += 1;
        counts.sent_bytes += bytes as u64;
    }

    fn lost(&mut self, items: usize, bytes: usize, failure: &Failure) {
        self.outage.lost(self.link.address(), items, failure);
        self.shared.settle(items, bytes);
        self.shared.metrics.dropped(failure.reason, items);
        self.dropped_by_writer(bytes);
    }

    fn dropped_by_writer(&self, bytes: usize) {
        let counts = &mut self.shared.state.lock().counts;
        counts.dropped_writer += 1;
        counts.dropped_writer_bytes += bytes as u64;
    }

    /// Sends a report alone. What a report that is lost would have told is told by the next one.
    async fn report(&mut self) {
        let interval = self.shared.options.report_interval.unwrap_or_default();
        self.next_report = Some(Instant::now() + interval);
        self.settle();
        let told = self.shared.state.lock().counts;
        let Some(payload) = self.source.report(&told, self.link.transport()) else { return };
        let sent = self.attempt(&payload).await.and_then(|()| self.link.refused());
        if sent.is_err() {
            return self.dropped_by_writer(payload.len());
        }
        self.source.reported();
        let counts = &mut self.shared.state.lock().counts;
        *counts = counts.minus(&told);
        counts.sent += 1;
        counts.sent_bytes += payload.len() as u64;
    }
}

impl PayloadCounts {
    fn minus(&self, told: &Self) -> Self {
        Self {
            sent: self.sent - told.sent,
            sent_bytes: self.sent_bytes - told.sent_bytes,
            dropped_queue: self.dropped_queue - told.dropped_queue,
            dropped_queue_bytes: self.dropped_queue_bytes - told.dropped_queue_bytes,
            dropped_writer: self.dropped_writer - told.dropped_writer,
            dropped_writer_bytes: self.dropped_writer_bytes - told.dropped_writer_bytes,
        }
    }
}
