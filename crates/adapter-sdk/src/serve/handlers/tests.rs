//! When handlers are built, kept and closed; time is paused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};

use mixer_adapter_api::{AdapterInfo, BuildError};
use prometheus::Registry;
use tokio::sync::Semaphore;

use super::*;

const IDLE: Duration = Duration::from_secs(60);

/// An adapter whose configuration is one letter; builds are counted and can be held up.
struct Letters {
    info: AdapterInfo,
    builds: AtomicUsize,
    may_build: Semaphore,
    closed: Arc<Mutex<String>>,
}

struct Letter(char, Arc<Mutex<String>>);

impl Handler for Letter {
    fn close(&self) -> BoxFuture<'_, ()> {
        self.1.lock().push(self.0);
        Box::pin(std::future::ready(()))
    }
}

impl Adapter for Letters {
    fn info(&self) -> &AdapterInfo {
        &self.info
    }

    fn validate(&self, _: &HandlerSpec) -> Vec<FieldProblem> {
        Vec::new()
    }

    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        Box::pin(async move {
            self.builds.fetch_add(1, Ordering::SeqCst);
            self.may_build.acquire().await.unwrap().forget();
            let letter = char::from(spec.params[0]);
            match letter.is_ascii_lowercase() {
                true => Ok(Arc::new(Letter(letter, self.closed.clone())) as Arc<dyn Handler>),
                false => Err(BuildError("not yet".to_owned())),
            }
        })
    }
}

struct Fixture {
    adapter: Arc<Letters>,
    handlers: Arc<Handlers>,
}

impl Fixture {
    fn new(max: usize, permits: usize) -> Self {
        let info = AdapterInfo {
            name: "letters",
            aliases: &[],
            description: "",
            templates: &[],
            config_descriptor: &[],
            config_message: "",
        };
        let adapter = Arc::new(Letters {
            info,
            builds: AtomicUsize::new(0),
            may_build: Semaphore::new(permits),
            closed: Arc::default(),
        });
        let metrics = Arc::new(Metrics::register(&Registry::new()).unwrap());
        let handlers = Arc::new(Handlers::new(adapter.clone(), metrics, max, IDLE));
        Self { adapter, handlers }
    }

    async fn lease(&self, letter: char) -> Result<Lease, NotBuilt> {
        let value = letter.to_string().into();
        self.handlers.of_config(Some(RawAny { type_url: String::new(), value })).await
    }

    fn builds(&self) -> usize {
        self.adapter.builds.load(Ordering::SeqCst)
    }

    /// The letters closed so far, once everything that can run has run.
    async fn closed(&self) -> String {
        // A timer of the paused clock fires only when no task can run.
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.adapter.closed.lock().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn idle_handlers_are_closed_but_the_last_one_in_use_stays() {
    let fixture = Fixture::new(10, 10);
    let handlers = fixture.handlers.clone();
    let sweeping = tokio::spawn(async move { handlers.close_idle().await });
    drop(fixture.lease('a').await.unwrap());
    tokio::time::sleep(IDLE / 2).await;
    drop(fixture.lease('b').await.unwrap());
    assert_eq!(fixture.closed().await, "");
    tokio::time::sleep(IDLE * 3 / 4).await;
    assert_eq!(fixture.closed().await, "a");
    tokio::time::sleep(IDLE * 100).await;
    assert_eq!(fixture.closed().await, "a", "b was used last");
    drop(fixture.lease('a').await.unwrap());
    tokio::time::sleep(IDLE).await;
    assert_eq!(fixture.closed().await, "ab");
    assert_eq!(fixture.builds(), 3);
    sweeping.abort();
}

#[tokio::test(start_paused = true)]
async fn the_handler_used_longest_ago_makes_room() {
    let fixture = Fixture::new(2, 10);
    for letter in ['a', 'b', 'a', 'c'] {
        drop(fixture.lease(letter).await.unwrap());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(fixture.closed().await, "b");
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_closed_behind_its_last_call() {
    let fixture = Fixture::new(1, 10);
    let first = fixture.lease('a').await.unwrap();
    let second = fixture.lease('a').await.unwrap();
    drop(fixture.lease('b').await.unwrap());
    drop(first);
    assert_eq!(fixture.closed().await, "");
    drop(second);
    assert_eq!(fixture.closed().await, "a");
    assert!(fixture.handlers.close_all(Duration::from_secs(1)).await);
    assert_eq!(fixture.closed().await, "ab");
}

#[tokio::test(start_paused = true)]
async fn closing_everything_does_not_wait_for_ever() {
    let fixture = Fixture::new(1, 10);
    let lease = fixture.lease('a').await.unwrap();
    assert!(!fixture.handlers.close_all(Duration::from_secs(1)).await);
    drop(lease);
}

#[tokio::test(start_paused = true)]
async fn a_failed_build_is_tried_again_but_not_at_once() {
    let fixture = Fixture::new(10, 10);
    for _ in 0..5 {
        assert!(matches!(fixture.lease('A').await, Err(NotBuilt::Failed(text)) if text == "not yet"));
    }
    assert_eq!(fixture.builds(), 1);
    tokio::time::sleep(RETRY_AFTER).await;
    assert!(fixture.lease('A').await.is_err());
    assert_eq!(fixture.builds(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_does_not_stop_the_build() {
    let fixture = Fixture::new(10, 0);
    let impatient = tokio::time::timeout(Duration::from_secs(1), fixture.lease('a')).await;
    assert!(impatient.is_err());
    fixture.adapter.may_build.add_permits(1);
    fixture.lease('a').await.unwrap();
    assert_eq!(fixture.builds(), 1);
}
