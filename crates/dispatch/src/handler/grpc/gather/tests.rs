//! Which batches travel together, when they leave, and who gets the answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mixer_adapter_api::{ErrorKind, HandlerError};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{Carrier, Gather, LARGE, LINGER};

/// A call that the adapter got.
struct Arrived {
    instances: String,
    answer: oneshot::Sender<Result<(), HandlerError>>,
}

/// Hands calls to the test, which answers them.
struct Adapter(mpsc::UnboundedSender<Arrived>);

impl Carrier for Adapter {
    async fn carry(&self, instances: Bytes, _: Option<Instant>) -> Result<(), HandlerError> {
        let (answer, answered) = oneshot::channel();
        let instances = String::from_utf8(instances.to_vec()).unwrap();
        self.0.send(Arrived { instances, answer }).unwrap();
        answered.await.unwrap()
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(10)
    }
}

struct Bench {
    gather: Arc<Gather<Adapter>>,
    calls: Mutex<mpsc::UnboundedReceiver<Arrived>>,
}

impl Bench {
    fn new() -> Self {
        Self::on(Handle::current())
    }

    fn on(runtime: Handle) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        Self { gather: Gather::new(Adapter(sender), runtime), calls: Mutex::new(calls) }
    }

    /// Starts a report; it is where it has to be when this returns.
    async fn report(&self, instances: &str) -> JoinHandle<Result<(), HandlerError>> {
        let (gather, instances) = (self.gather.clone(), Bytes::copy_from_slice(instances.as_bytes()));
        let report = tokio::spawn(async move { gather.report(instances, None).await });
        tokio::task::yield_now().await;
        report
    }

    async fn call(&self) -> Arrived {
        self.calls.lock().await.recv().await.unwrap()
    }

    async fn nothing_left(&self) -> bool {
        tokio::task::yield_now().await;
        self.calls.lock().await.try_recv().is_err()
    }
}

fn answer(call: Arrived) {
    call.answer.send(Ok(())).unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_finds_nothing_under_way_leaves_at_once() {
    let bench = Bench::new();
    let start = tokio::time::Instant::now();
    for text in ["a", "b"] {
        let report = bench.report(text).await;
        let call = bench.call().await;
        assert_eq!(call.instances, text);
        answer(call);
        report.await.unwrap().unwrap();
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_comes_meanwhile_travels_together() {
    let bench = Bench::new();
    let start = tokio::time::Instant::now();
    let first = bench.report("a").await;
    let first_call = bench.call().await;
    let others = [bench.report("b").await, bench.report("c").await, bench.report("d").await];
    assert!(bench.nothing_left().await);
    answer(first_call);
    first.await.unwrap().unwrap();
    let second_call = bench.call().await;
    assert_eq!(second_call.instances, "bcd");
    // Whatever comes now waits for this one.
    let last = bench.report("e").await;
    assert!(bench.nothing_left().await);
    answer(second_call);
    for other in others {
        other.await.unwrap().unwrap();
    }
    let last_call = bench.call().await;
    assert_eq!(last_call.instances, "e");
    answer(last_call);
    last.await.unwrap().unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_slow_adapter_is_called_again_meanwhile() {
    let bench = Bench::new();
    let slow = bench.report("a").await;
    let slow_call = bench.call().await;
    let start = tokio::time::Instant::now();
    let other = bench.report("b").await;
    let call = bench.call().await;
    assert_eq!((call.instances.as_str(), start.elapsed()), ("b", LINGER));
    answer(call);
    other.await.unwrap().unwrap();
    answer(slow_call);
    slow.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_error_is_told_to_all_that_travelled_together() {
    let bench = Bench::new();
    let first = bench.report("a").await;
    let first_call = bench.call().await;
    let others = [bench.report("b").await, bench.report("c").await];
    answer(first_call);
    let call = bench.call().await;
    let error = HandlerError::new(ErrorKind::Failed, "no");
    call.answer.send(Err(error.clone())).unwrap();
    first.await.unwrap().unwrap();
    for other in others {
        assert_eq!(other.await.unwrap(), Err(error.clone()));
    }
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_leaves_the_others_alone() {
    // The one who opened the group, then another.
    for gives_up in [0, 1] {
        let bench = Bench::new();
        let first = bench.report("a").await;
        let first_call = bench.call().await;
        let mut others = vec![bench.report("b").await, bench.report("c").await];
        let gone = others.remove(gives_up);
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        if gives_up == 1 {
            answer(first_call);
        } else {
            // The group has nobody left who sees to its departure: it leaves at once.
            drop(first);
        }
        let call = bench.call().await;
        assert_eq!(call.instances, "bc");
        answer(call);
        others.remove(0).await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_large_does_not_wait() {
    let bench = Bench::new();
    let first = bench.report("a").await;
    let first_call = bench.call().await;
    let large = "x".repeat(LARGE);
    let alone = bench.report(&large).await;
    let alone_call = bench.call().await;
    assert_eq!(alone_call.instances, large);

    let half = "y".repeat(LARGE / 2);
    let halves = [bench.report(&half).await, bench.report(&half).await];
    let both = bench.call().await;
    assert_eq!(both.instances.len(), LARGE);
    for call in [first_call, alone_call, both] {
        answer(call);
    }
    for report in [first, alone].into_iter().chain(halves) {
        report.await.unwrap().unwrap();
    }
}

#[test]
fn a_runtime_that_has_stopped_is_an_error() {
    let stopped = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let handle = stopped.handle().clone();
    drop(stopped);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let bench = Bench::on(handle);
        let first = bench.report("a").await;
        let first_call = bench.call().await;
        let other = bench.report("b").await;
        answer(first_call);
        first.await.unwrap().unwrap();
        assert_eq!(other.await.unwrap().unwrap_err().kind, ErrorKind::Unavailable);
    });
}
