//! What New Relic answers, and what follows: exact request ids, counts and waits. Time is paused and moves only while
//! nothing is under way, so that a slow machine changes nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared with the other tests")]
#[path = "suite/support.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use mixer_adapter_sdk::delivery::DeliveryMetrics;
use mixer_adapter_sdk::value::Value;
use mixer_testkit::{FakeNewRelic, Scripted, Seen};
use prometheus::Registry;
use serde_json::json;
use support::{KEY, Rig, a_span, text};
use tokio::time::advance;

/// How long real time may pass until something arrives.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two harvests.
const PERIOD: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

/// Paused time that moves only when the test says so. Tokio lets paused time run whenever it waits for sockets; as long as
/// a blocking task runs it does not.
struct Clock {
    _held: mpsc::Sender<()>,
}

impl Clock {
    fn hold() -> Self {
        let (held, released) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || released.recv());
        Self { _held: held }
    }
}

/// Counters of delivery, summed over the four APIs.
#[derive(Clone, Debug, Default, PartialEq)]
struct Counted {
    answered: u64,
    sent: u64,
    retried: u64,
    dropped: BTreeMap<String, u64>,
}

fn counted() -> Counted {
    let registry = Registry::new();
    DeliveryMetrics::shared().unwrap().register(&registry).unwrap();
    let mut all = Counted::default();
    for family in registry.gather() {
        for metric in family.get_metric() {
            let count = metric.get_counter().get_value() as u64;
            match family.name() {
                "mixer_adapter_delivery_duration_seconds" => {
                    all.answered += metric.get_histogram().get_sample_count();
                }
                "mixer_adapter_delivery_sent_total" => all.sent += count,
                "mixer_adapter_delivery_retried_total" => all.retried += count,
                "mixer_adapter_delivery_dropped_total" => {
                    let reason = metric.get_label().iter().find(|label| label.name() == "reason").unwrap();
                    *all.dropped.entry(reason.value().to_owned()).or_default() += count;
                }
                _ => {}
            }
        }
    }
    all
}

impl Counted {
    fn since(&self, before: &Self) -> Self {
        let mut dropped = self.dropped.clone();
        for (reason, count) in &before.dropped {
            *dropped.get_mut(reason).unwrap() -= count;
        }
        dropped.retain(|_, count| *count > 0);
        Self {
            answered: self.answered - before.answered,
            sent: self.sent - before.sent,
            retried: self.retried - before.retried,
            dropped,
        }
    }
}

/// Waits, while time stands still.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what} does not come about; {:?}", counted());
        tokio::task::yield_now().await;
    }
}

/// Gives what should not happen a chance to happen.
async fn a_moment() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

struct Scene {
    rig: Rig,
    before: Counted,
}

impl Scene {
    async fn new(answers: &[Scripted]) -> Self {
        let rig = Rig::new(json!({"harvest_period": "1s"})).await;
        answers.iter().for_each(|answer| rig.fake.script_answer(*answer));
        // Its tasks look at the clock when they begin.
        a_moment().await;
        Self { rig, before: counted() }
    }

    fn fake(&self) -> &FakeNewRelic {
        &self.rig.fake
    }

    /// So many metrics are taken and harvested.
    async fn harvest(&self, metrics: usize) {
        for number in 0..metrics {
            self.rig.metric("c", Value::Int64(1), &[("n", text(&number.to_string()))]).await;
        }
        advance(PERIOD + MILLI).await;
        a_moment().await;
        // A harvest waits a little for another one.
        advance(Duration::from_millis(60)).await;
    }

    /// Waits until so many requests have come and were judged, at the same moment.
    async fn judged(&self, requests: usize) {
        until(&format!("request {requests}"), || {
            let answered = counted().since(&self.before).answered;
            let seen = self.fake().seen().requests.len();
            seen == requests && answered == requests as u64
        })
        .await;
    }

    /// The next request comes after `least` at the earliest, and after `most` at the latest.
    async fn next(&self, requests: usize, (least, most): (Duration, Duration)) {
        self.judged(requests - 1).await;
        if !least.is_zero() {
            a_moment().await;
            advance(least - MILLI).await;
            a_moment().await;
            assert_eq!(self.fake().seen().requests.len(), requests - 1, "request {requests} comes too early");
        }
        advance(most.saturating_sub(least) + MILLI * 2).await;
        self.judged(requests).await;
    }

    /// Nothing comes any more.
    async fn over(&self) -> (Seen, Counted) {
        let requests = self.fake().seen().requests.len();
        a_moment().await;
        advance(Duration::from_secs(120)).await;
        a_moment().await;
        advance(Duration::from_secs(120)).await;
        a_moment().await;
        let seen = self.fake().seen();
        assert_eq!(seen.requests.len(), requests);
        assert_eq!(seen.faults, [] as [String; 0]);
        (seen, counted().since(&self.before))
    }
}

const NONE: (Duration, Duration) = (Duration::ZERO, Duration::ZERO);

/// What we choose ourselves is shortened by chance, by up to a half.
fn chosen(seconds: u64) -> (Duration, Duration) {
    (Duration::from_millis(seconds * 500), Duration::from_secs(seconds))
}

fn exactly(seconds: u64) -> (Duration, Duration) {
    (Duration::from_secs(seconds), Duration::from_secs(seconds))
}

/// Answers, metrics that are harvested, waits before the second request and all further ones; then distinct ids, metrics that
/// are kept, and reasons of those that are lost.
async fn check(
    (answers, metrics): (&[Scripted], usize),
    waits: &[(Duration, Duration)],
    (ids, kept): (usize, usize),
    lost: &[(&str, u64)],
) {
    let scene = Scene::new(answers).await;
    scene.harvest(metrics).await;
    scene.judged(1).await;
    for (index, wait) in waits.iter().enumerate() {
        scene.next(index + 2, *wait).await;
    }
    let (seen, counted) = scene.over().await;
    assert_eq!(seen.requests.len(), waits.len() + 1, "{answers:?}");
    assert_eq!((seen.distinct_ids(), seen.metrics.len()), (ids, kept), "{answers:?}");
    let lost: BTreeMap<_, _> = lost.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
    let dropped: u64 = lost.values().sum();
    assert_eq!(counted.dropped, lost, "{answers:?}");
    assert_eq!(counted.sent + dropped, metrics as u64, "{answers:?}");
    assert_eq!(counted.answered, seen.requests.len() as u64);
}

fn status(status: u16) -> Scripted {
    Scripted::Status { status, retry_after: None }
}

/// One test, as the counters are those of the process.
#[tokio::test(start_paused = true)]
async fn what_follows_from_each_answer() {
    let _clock = Clock::hold();
    each_status().await;
    waits().await;
    splits().await;
    broken_connections().await;
    a_pause_is_for_the_account().await;
}

async fn each_status() {
    check((&[], 2), &[], (1, 2), &[]).await;
    for good in [200, 201, 202, 204] {
        check((&[status(good)], 2), &[], (1, 2), &[]).await;
    }
    let never = [
        (400, "http_400"),
        (401, "http_401"),
        (403, "http_403"),
        (404, "http_404"),
        (405, "http_405"),
        (409, "http_409"),
        (410, "http_410"),
        (411, "http_411"),
        (414, "http_414"),
        (415, "http_415"),
        (431, "http_431"),
    ];
    for (code, reason) in never {
        check((&[status(code)], 2), &[], (1, 0), &[(reason, 2)]).await;
    }
    for later in [402, 406, 408, 418, 429, 500, 502, 503, 504] {
        check((&[status(later)], 2), &[NONE], (1, 2), &[]).await;
    }
}

async fn waits() {
    let pause = |seconds| Scripted::Status { status: 429, retry_after: Some(seconds) };
    check((&[pause(30)], 2), &[exactly(30)], (1, 2), &[]).await;
    check((&[pause(30), pause(7)], 2), &[exactly(30), exactly(7)], (1, 2), &[]).await;
    check((&[pause(0)], 1), &[NONE], (1, 1), &[]).await;
    // Longer than the original has patience for.
    check((&[pause(600)], 1), &[exactly(600)], (1, 1), &[]).await;
    // A status of the server may ask for a pause too.
    let busy = Scripted::Status { status: 503, retry_after: Some(5) };
    check((&[busy], 1), &[exactly(5)], (1, 1), &[]).await;
    let five = [status(503); 5];
    check((&five, 2), &[NONE, chosen(1), chosen(2), chosen(4), chosen(8)], (1, 2), &[]).await;
    let eight = [status(500); 8];
    let waits = [NONE, chosen(1), chosen(2), chosen(4), chosen(8), chosen(16), chosen(16), chosen(16)];
    check((&eight, 1), &waits, (1, 1), &[]).await;
}

async fn splits() {
    let large = status(413);
    check((&[large], 1), &[], (1, 0), &[("too_large", 1)]).await;
    check((&[large], 2), &[NONE, NONE], (3, 2), &[]).await;
    check((&[large], 5), &[NONE, NONE], (3, 5), &[]).await;
    // The first half is too large again.
    check((&[large, large], 4), &[NONE; 4], (5, 4), &[]).await;
    check((&[large, large], 2), &[NONE, NONE], (3, 1), &[("too_large", 1)]).await;
    check((&[large, large, large], 2), &[NONE, NONE], (3, 0), &[("too_large", 2)]).await;
    // A part is retried under its own id.
    check((&[large, status(503)], 2), &[NONE, NONE, NONE], (3, 2), &[]).await;
}

async fn broken_connections() {
    // It came, and comes again under the same id, by which it is known.
    check((&[Scripted::ResetAfterBody], 2), &[NONE], (1, 2), &[]).await;
    check((&[Scripted::Reset], 2), &[NONE], (1, 2), &[]).await;
    check((&[Scripted::Reset, Scripted::Reset], 2), &[NONE, chosen(1)], (1, 2), &[]).await;
    a_slow_body().await;
    a_late_answer().await;
}

/// The status has been said: nothing is sent again, however long the rest takes.
async fn a_slow_body() {
    let scene = Scene::new(&[Scripted::SlowBody(Duration::from_secs(3600))]).await;
    scene.harvest(2).await;
    scene.fake().requests(1).await;
    until("the head of the answer", || true).await;
    a_moment().await;
    assert_eq!(counted().since(&scene.before).answered, 0, "the body is waited for");
    advance(Duration::from_secs(15)).await;
    scene.judged(1).await;
    let (seen, counted) = scene.over().await;
    assert_eq!((seen.requests.len(), seen.metrics.len(), counted.sent), (1, 2, 2));
    assert_eq!(counted.dropped, BTreeMap::new());
}

/// Nothing is said in time: it is sent again under the same id.
async fn a_late_answer() {
    let scene = Scene::new(&[Scripted::Late(Duration::from_secs(3600))]).await;
    scene.harvest(2).await;
    scene.fake().requests(1).await;
    a_moment().await;
    advance(Duration::from_secs(15)).await;
    until("the second request", || scene.fake().seen().requests.len() == 2).await;
    scene.judged(2).await;
    let (seen, counted) = scene.over().await;
    assert_eq!((seen.requests.len(), seen.distinct_ids(), seen.metrics.len()), (2, 1, 2));
    assert_eq!((seen.duplicates, counted.sent, counted.retried), (1, 2, 2));
}

/// A pause that one API asks for holds for the others, and for other handlers of the same account.
async fn a_pause_is_for_the_account() {
    let scene = Scene::new(&[Scripted::Status { status: 429, retry_after: Some(30) }]).await;
    let other = Rig::new(json!({"harvest_period": "1s"})).await;
    a_moment().await;
    scene.harvest(1).await;
    scene.judged(1).await;
    scene.rig.span(a_span("b2")).await;
    other.metric("c", Value::Int64(1), &[]).await;
    // Both are harvested, and wait.
    for millis in [1001, 60, 28_900] {
        advance(Duration::from_millis(millis)).await;
        a_moment().await;
    }
    assert_eq!(scene.fake().seen().requests.len(), 1, "the span waits too");
    assert_eq!(other.fake.seen().requests.len(), 0, "and so does the other handler");
    advance(Duration::from_millis(100)).await;
    until("everything", || scene.fake().seen().requests.len() == 3).await;
    until("the other handler", || other.fake.seen().metrics.len() == 1).await;
    let (seen, _) = scene.over().await;
    assert_eq!((seen.metrics.len(), seen.spans.len(), seen.distinct_ids()), (1, 1, 2));
    assert!(seen.requests.iter().all(|request| request.key == KEY));
}
