//! Harvests by time, by size and in the end; what is refused; what a self-test sends.

use std::collections::VecDeque;

use bytes::Bytes;
use mixer_adapter_api::{Batch, ReportCall};

use super::*;
use crate::delivery::aggregate::{AggregateOptions, Aggregator, Attributes, Kind};
use crate::delivery::{
    Aggregated, Breaker, BreakerPolicy, DeliveryMetrics, NoRoom, Pending, QueueLimits, RetryPolicy,
};
use crate::typed::Refused;
use crate::typed::template::LogEntry;

/// A backend that keeps what it gets, or answers by a script.
#[derive(Default)]
struct Keeps {
    got: Mutex<Vec<Vec<u32>>>,
    script: Mutex<VecDeque<Outcome>>,
    down: AtomicBool,
}

impl Backend for Arc<Keeps> {
    type Item = u32;

    fn size(&self, _: &u32) -> usize {
        10
    }

    fn encode(&self, items: &[u32]) -> Result<Bytes, Refused> {
        Ok(items.iter().flat_map(|item| item.to_le_bytes()).collect())
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        if self.down.load(Ordering::Relaxed) {
            return Outcome::Retry { after: None, detail: "down".to_owned() };
        }
        let items = payload.body.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
        self.got.lock().push(items.collect());
        self.script.lock().pop_front().unwrap_or(Outcome::Delivered)
    }
}

type Plain = Pipeline<Pending<u32>, Arc<Keeps>>;

struct Rig {
    backend: Arc<Keeps>,
    pipeline: Plain,
    metrics: BackendMetrics,
}

const ITEMS: usize = 8;

fn options() -> PipelineOptions {
    let mut options = PipelineOptions { early_bytes: 50, ..PipelineOptions::default() };
    options.engine.queue = QueueLimits { items: ITEMS, bytes: 1000 };
    options.engine.retry = RetryPolicy { give_up_after: Duration::from_secs(3600), ..RetryPolicy::default() };
    options
}

async fn rig(options: PipelineOptions) -> Rig {
    let backend = Arc::new(Keeps::default());
    let metrics = DeliveryMetrics::new().unwrap().of("test");
    let pending = Pending::new(QueueLimits { items: ITEMS, bytes: 1000 });
    let pipeline = Pipeline::start(pending, backend.clone(), options, metrics.clone()).await.unwrap();
    Rig { backend, pipeline, metrics }
}

impl Rig {
    /// Reports instances, each of which is a number.
    async fn report(&self, numbers: std::ops::Range<u32>) -> Result<ReportOutcome, HandlerError> {
        let named = numbers.clone().map(|number| (number.to_string().into(), Bytes::new()));
        let batch = Batch::from_instances(named);
        let report = TypedReport::<LogEntry>::new(ReportCall { template: "logentry", batch, deadline: None });
        let take = |name: &str, _: crate::view::LogEntryView<'_>, _: SystemTime| -> Result<(), NoRoom> {
            self.pipeline.collector().push(name.parse().unwrap(), 10)
        };
        self.pipeline.accept(&report, take).await
    }

    fn got(&self) -> Vec<Vec<u32>> {
        self.backend.got.lock().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_harvest_comes_by_time_by_size_and_in_the_end() {
    let rig = rig(options()).await;
    let start = Instant::now();
    rig.report(0..2).await.unwrap();
    tokio::time::sleep(Duration::from_millis(4900)).await;
    assert_eq!(rig.got(), [] as [Vec<u32>; 0]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(rig.got(), [vec![0, 1]]);
    rig.report(2..7).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(rig.got().pop(), Some(vec![2, 3, 4, 5, 6]), "50 bytes are enough");
    rig.report(7..8).await.unwrap();
    rig.pipeline.close().await;
    assert_eq!(rig.got().pop(), Some(vec![7]));
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    let error = rig.report(8..9).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(rig.metrics.dropped_so_far(reason::CLOSED), 1);
    assert_eq!(rig.metrics.totals(), (8, 8, 0));
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_is_refused_and_nothing_that_was_taken_is_lost() {
    let rig = rig(options()).await;
    rig.backend.down.store(true, Ordering::Relaxed);
    let mut taken = 0;
    let outcome = loop {
        // Fills the queue of the engine, and then the list.
        match rig.report(taken..taken + 3).await {
            Ok(outcome) if outcome.dropped.is_empty() => taken += 3,
            other => break other,
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    };
    assert_eq!(taken, 12);
    let dropped = &outcome.unwrap().dropped;
    assert_eq!((dropped[0].reason, dropped[0].count), (reason::QUEUE_FULL, 1), "a part of it was kept");
    let error = rig.report(90..92).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("backend"), "{error}");
    assert_eq!(rig.metrics.dropped_so_far(reason::QUEUE_FULL), 2);
    rig.backend.down.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut got = rig.got().concat();
    got.sort_unstable();
    assert_eq!(got, (0..14).collect::<Vec<_>>());
    rig.report(14..15).await.unwrap();
    rig.pipeline.close().await;
}

#[tokio::test(start_paused = true)]
async fn series_add_up_while_the_backend_is_away() {
    let backend = Arc::new(Keeps::default());
    backend.down.store(true, Ordering::Relaxed);
    let aggregator = Aggregator::new(AggregateOptions::default(), SystemTime::UNIX_EPOCH);
    let collector = Aggregated::new(aggregator, |harvest| {
        let sum = |point: &crate::delivery::aggregate::Point| match point.value {
            crate::delivery::aggregate::PointValue::Count(count) => count as u32,
            _ => 0,
        };
        harvest.points.iter().map(sum).collect()
    });
    let mut options = options();
    options.engine.queue.items = 2;
    let metrics = DeliveryMetrics::new().unwrap().of("test");
    let pipeline = Pipeline::start(collector, backend.clone(), options, metrics.clone()).await.unwrap();
    for _ in 0..30 {
        let (name, now) = ("a".into(), SystemTime::now());
        let aggregator = pipeline.collector().aggregator();
        aggregator.record(&name, Attributes::default(), (Kind::Count, 1.0), now).unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    backend.down.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(60)).await;
    pipeline.close().await;
    assert_eq!(backend.got.lock().concat().iter().sum::<u32>(), 30);
    assert_eq!(metrics.dropped_so_far(reason::QUEUE_FULL), 0);
}

#[tokio::test(start_paused = true)]
async fn a_self_test_says_what_the_backend_said() {
    let rig = rig(options()).await;
    rig.pipeline.self_test(&[7]).await.unwrap();
    assert_eq!(rig.got(), [[7]]);
    let check = async |outcome: Outcome, text: &str| {
        rig.backend.script.lock().push_back(outcome);
        let error = rig.pipeline.self_test(&[]).await.unwrap_err();
        assert!(error.message.contains(text), "{error}");
    };
    let detail = || "because".to_owned();
    check(Outcome::Drop { reason: "x", detail: detail() }, "because").await;
    check(Outcome::Retry { after: None, detail: detail() }, "because").await;
    check(Outcome::Partly { refused: 1, reason: "x", detail: detail() }, "because").await;
    check(Outcome::Split, "too large").await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_an_account_was_asked_for_holds_for_all_its_handlers() {
    let breaker = || Breaker::for_destination("https://shared.test", "key", BreakerPolicy::default());
    let shared = |breaker| {
        let mut options = options();
        options.engine.breaker = breaker;
        options
    };
    let (asked, sibling) = (rig(shared(breaker())).await, rig(shared(breaker())).await);
    let stranger = rig(options()).await;
    let pause = Duration::from_secs(30);
    let busy = Outcome::Retry { after: Some(pause), detail: "429".to_owned() };
    asked.backend.script.lock().push_back(busy);
    let start = Instant::now();
    asked.report(0..5).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(asked.got(), [[0, 1, 2, 3, 4]], "it was asked for a pause");
    for rig in [&sibling, &stranger] {
        rig.report(5..10).await.unwrap();
    }
    tokio::time::sleep(pause - start.elapsed() - Duration::from_millis(1)).await;
    assert_eq!((asked.got().len(), sibling.got().len(), stranger.got().len()), (1, 0, 1));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((asked.got().len(), sibling.got().len()), (2, 1));
    assert_eq!(asked.metrics.totals(), (5, 5, 5));
}
