//! Every outcome, its counters, and which request ids a backend sees.

use std::collections::{HashSet, VecDeque};

use tokio::time::Instant;

use super::*;
use crate::delivery::DeliveryMetrics;

/// An item that cannot be encoded.
const BROKEN: u8 = 255;

/// A backend that follows a script, and takes everything when that has ended. An item is its own size.
struct Scripted {
    script: Mutex<VecDeque<Step>>,
    seen: Mutex<Vec<Seen>>,
    start: Instant,
}

enum Step {
    Answer(Outcome),
    Hang,
}

#[derive(Clone, Debug, PartialEq)]
struct Seen {
    body: Vec<u8>,
    request_id: RequestId,
    attempt: u32,
    at: Duration,
}

impl Backend for Arc<Scripted> {
    type Item = u8;

    fn size(&self, item: &u8) -> usize {
        usize::from(*item)
    }

    fn encode(&self, items: &[u8]) -> Result<Bytes, Refused> {
        match items.contains(&BROKEN) {
            true => Err(Refused { reason: "broken", detail: "no form".to_owned() }),
            false => Ok(Bytes::copy_from_slice(items)),
        }
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        assert_eq!(payload.items, payload.body.len());
        self.seen.lock().push(Seen {
            body: payload.body.to_vec(),
            request_id: payload.request_id,
            attempt: payload.attempt,
            at: self.start.elapsed(),
        });
        let step = self.script.lock().pop_front();
        match step {
            Some(Step::Answer(outcome)) => outcome,
            Some(Step::Hang) => std::future::pending().await,
            None => Outcome::Delivered,
        }
    }
}

struct Rig {
    backend: Arc<Scripted>,
    engine: Engine<Arc<Scripted>>,
    metrics: BackendMetrics,
}

impl Rig {
    fn new(script: impl IntoIterator<Item = Outcome>) -> Self {
        Self::with(script.into_iter().map(Step::Answer), EngineOptions::default())
    }

    fn with(script: impl IntoIterator<Item = Step>, options: EngineOptions) -> Self {
        let backend = Arc::new(Scripted {
            script: Mutex::new(script.into_iter().collect()),
            seen: Mutex::default(),
            start: Instant::now(),
        });
        let metrics = DeliveryMetrics::new().unwrap().of("test");
        let engine = Engine::start(backend.clone(), options, metrics.clone());
        Self { backend, engine, metrics }
    }

    fn offer(&self, items: &[u8]) -> &Self {
        for item in items {
            self.engine.offer(*item).unwrap();
        }
        self
    }

    /// Closes with plenty of time.
    async fn finish(&self) -> Vec<Seen> {
        assert_eq!(self.engine.close(Duration::from_secs(100_000)).await, 0);
        assert_eq!(self.engine.pending(), 0);
        assert_eq!(self.engine.shared.queue.level(), (0, 0));
        self.backend.seen.lock().clone()
    }
}

fn retry(after: Option<u64>) -> Outcome {
    Outcome::Retry { after: after.map(Duration::from_secs), detail: "not now".to_owned() }
}

fn bodies(seen: &[Seen]) -> Vec<&[u8]> {
    seen.iter().map(|seen| seen.body.as_slice()).collect()
}

#[tokio::test(start_paused = true)]
async fn items_that_come_together_are_sent_together() {
    let rig = Rig::new([]);
    let seen = rig.offer(&[1, 2, 3]).finish().await;
    assert_eq!(bodies(&seen), [[1, 2, 3]]);
    assert_eq!(rig.metrics.totals(), (3, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_payload_keeps_its_id_over_retries() {
    let rig = Rig::new([retry(None), retry(None), retry(None)]);
    let seen = rig.offer(&[1, 2]).finish().await;
    assert_eq!(seen.iter().map(|seen| seen.attempt).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(seen.iter().map(|seen| seen.request_id).collect::<HashSet<_>>().len(), 1);
    assert_eq!(seen[0].at, seen[1].at, "the first retry is at once");
    assert!(seen[2].at > seen[1].at && seen[3].at > seen[2].at);
    assert_eq!(rig.metrics.totals(), (2, 2, 6));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_asked_for_is_kept_by_all() {
    let options = EngineOptions {
        batch: BatchLimits { items: 1, ..BatchLimits::default() },
        in_flight: 1,
        ..Default::default()
    };
    let rig = Rig::with([Step::Answer(retry(Some(1800)))], options);
    let seen = rig.offer(&[1, 2]).finish().await;
    assert_eq!(bodies(&seen), [[1], [1], [2]]);
    assert_eq!(seen[1].at, Duration::from_secs(1800), "longer than payloads are tried otherwise");
    assert_eq!(rig.metrics.totals(), (2, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_split_payload_has_new_ids() {
    let rig = Rig::new([Outcome::Split, Outcome::Delivered, Outcome::Split]);
    let seen = rig.offer(&[1, 2, 3, 4, 5]).finish().await;
    assert_eq!(bodies(&seen), [&[1, 2, 3, 4, 5][..], &[1, 2], &[3, 4, 5], &[3], &[4, 5]]);
    assert_eq!(seen.iter().map(|seen| seen.request_id).collect::<HashSet<_>>().len(), 5);
    assert_eq!(rig.metrics.totals(), (5, 5, 0));
}

#[tokio::test(start_paused = true)]
async fn one_item_that_is_too_large_is_dropped_alone() {
    let rig = Rig::new([Outcome::Split, Outcome::Split]);
    let seen = rig.offer(&[1, 2]).finish().await;
    assert_eq!(bodies(&seen), [&[1, 2][..], &[1], &[2]]);
    assert_eq!(rig.metrics.dropped_so_far(reason::TOO_LARGE), 1);
    assert_eq!(rig.metrics.totals(), (2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_payload_is_split_before_it_is_too_large() {
    let options = EngineOptions { payload_bytes: 2, ..Default::default() };
    let rig = Rig::with([], options);
    let seen = rig.offer(&[1, 2, 3]).finish().await;
    assert_eq!(bodies(&seen), [&[1][..], &[2, 3]]);
    let rig = Rig::with([], EngineOptions { payload_bytes: 0, ..Default::default() });
    assert_eq!(rig.offer(&[1, 2]).finish().await, []);
    assert_eq!(rig.metrics.dropped_so_far(reason::TOO_LARGE), 2);
}

#[tokio::test(start_paused = true)]
async fn items_without_a_form_are_dropped_alone() {
    let rig = Rig::new([]);
    let seen = rig.offer(&[1, BROKEN, 3, 4]).finish().await;
    assert_eq!(bodies(&seen), [&[1][..], &[3, 4]]);
    assert_eq!(rig.metrics.dropped_so_far("broken"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_backend_refuses_is_counted_by_its_reason() {
    let drop = Outcome::Drop { reason: "http_400", detail: "bad".to_owned() };
    let partly = |refused| Outcome::Partly { refused, reason: "invalid", detail: "some".to_owned() };
    let check = async |outcome: Outcome, sent: u64, reason: &str, dropped: u64| {
        let rig = Rig::new([outcome]);
        rig.offer(&[1, 2, 3]).finish().await;
        let found = (rig.metrics.totals(), rig.metrics.dropped_so_far(reason));
        assert_eq!(found, ((3, sent, 0), dropped), "{reason}");
    };
    check(drop, 0, "http_400", 3).await;
    check(partly(1), 2, "invalid", 1).await;
    check(partly(9), 0, "invalid", 3).await;
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_after_a_while() {
    let rig = Rig::new(std::iter::repeat_n((), 1000).map(|()| retry(None)));
    let seen = rig.offer(&[1, 2]).finish().await;
    assert_eq!(rig.metrics.dropped_so_far(reason::GAVE_UP), 2);
    let last = seen.last().unwrap().at;
    assert!(last <= RetryPolicy::default().give_up_after + Duration::from_secs(10), "{last:?}");
    assert!((30..120).contains(&seen.len()), "{} attempts", seen.len());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_is_given_up_and_made_again() {
    let rig = Rig::with([Step::Hang], EngineOptions::default());
    let seen = rig.offer(&[1]).finish().await;
    assert_eq!(seen[1].at, EngineOptions::default().attempt_timeout);
    assert_eq!(rig.metrics.totals(), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_payload_holds_up_no_other_one() {
    let batch = BatchLimits { items: 1, ..BatchLimits::default() };
    let rig = Rig::with([Step::Hang], EngineOptions { batch, ..Default::default() });
    let seen = rig.offer(&[1, 2, 3]).finish().await;
    assert_eq!(bodies(&seen), [[1], [2], [3], [1]]);
    assert_eq!(seen[2].at, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_while_a_backend_is_down() {
    let options =
        EngineOptions { queue: QueueLimits { items: 100, bytes: 1000 }, ..EngineOptions::default() };
    let rig = Rig::with((0..10_000).map(|_| Step::Answer(retry(None))), options);
    for _ in 0..1000 {
        let _ = rig.engine.offer(20);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(rig.engine.shared.queue.level().1 <= 1000);
    }
    assert_eq!(rig.metrics.dropped_so_far(reason::QUEUE_FULL), 950);
    // It comes back: nothing that was taken is lost.
    rig.backend.script.lock().clear();
    rig.finish().await;
    assert_eq!(rig.metrics.totals().1, 50);
}

#[tokio::test(start_paused = true)]
async fn closing_ends_in_time_and_counts_the_rest() {
    let rig = Rig::with((0..100).map(|_| Step::Answer(retry(None))), EngineOptions::default());
    rig.offer(&[1, 2, 3]);
    let start = Instant::now();
    assert_eq!(rig.engine.close(Duration::from_secs(20)).await, 3);
    assert_eq!(start.elapsed(), Duration::from_secs(20));
    assert_eq!(rig.metrics.dropped_so_far(reason::SHUTDOWN), 3);
    assert_eq!(rig.engine.offer(4), Err(NoRoom::Closed));
    assert_eq!(rig.metrics.dropped_so_far(reason::CLOSED), 1);
    assert_eq!(rig.engine.close(Duration::from_secs(20)).await, 0, "closing again does nothing");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_engine_counts_what_it_loses() {
    let rig = Rig::new([]);
    rig.offer(&[1, 2]);
    drop(rig.engine);
    assert_eq!(rig.metrics.dropped_so_far(reason::SHUTDOWN), 2);
}
