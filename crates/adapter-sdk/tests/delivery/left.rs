//! What earlier handlers left in a spool is told, in the log and in a metric, until it is delivered.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use mixer_adapter_sdk::delivery::DeliveryMetrics;
use mixer_adapter_sdk::delivery::spool::{SpoolHome, SpoolOptions};
use mixer_adapter_sdk::{Adapter, AdapterInfo, BuildError, FieldProblem, Handler, HandlerSpec, hosted};
use parking_lot::Mutex;

use super::durable::{Life, report, segments, until};
use super::pusher::{Fake, Params, Pusher};

/// A name that no other test uses: the metrics are the process's.
const NAME: &str = "leaver";

/// An adapter of another name that cannot be built when it must not.
struct Leaver {
    info: AdapterInfo,
    inner: Arc<dyn Adapter>,
    fails: AtomicBool,
}

impl Leaver {
    fn new(fails: bool) -> Arc<Self> {
        let inner = hosted(Pusher);
        let info = AdapterInfo { name: NAME, ..*inner.info() };
        Arc::new(Self { info, inner, fails: fails.into() })
    }
}

impl Adapter for Leaver {
    fn info(&self) -> &AdapterInfo {
        &self.info
    }

    fn validate(&self, spec: &HandlerSpec) -> Vec<FieldProblem> {
        self.inner.validate(spec)
    }

    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        match self.fails.load(Ordering::Relaxed) {
            true => Box::pin(async { Err(BuildError("the key file is gone".to_owned())) }),
            false => self.inner.build(spec),
        }
    }
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// How many lines hold all of these.
    fn lines(&self, parts: &[&str]) -> usize {
        let log = String::from_utf8_lossy(&self.0.lock()).into_owned();
        log.lines().filter(|line| parts.iter().all(|part| line.contains(part))).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn left(adapter: &str, reason: &str) -> u64 {
    let bytes = DeliveryMetrics::shared().unwrap().spool_left_bytes(adapter, reason);
    u64::try_from(bytes).unwrap()
}

fn bytes(directory: &Path) -> u64 {
    segments(directory).iter().map(|file| fs::metadata(file).unwrap().len()).sum()
}

/// Two handlers leave five entries each; the directories of the first and of the second.
async fn leave(spool: &Path, fake: &Fake) -> [std::path::PathBuf; 2] {
    let home = SpoolHome::open(SpoolOptions::new(spool)).await.unwrap();
    let adapter = home.wrap(Leaver::new(false));
    let (mut directories, mut handlers) = (Vec::new(), Vec::new());
    for (first, harvest_millis) in [(0, 3_600_000), (5, 3_600_001)] {
        let params = Params { harvest_millis, ..fake.params() };
        let handler = adapter.build(params.spec()).await.unwrap();
        report(&*handler, first..first + 5).await.unwrap();
        let all = fs::read_dir(spool).unwrap().map(|entry| entry.unwrap().path());
        directories
            .extend(all.filter(|path| path.is_dir() && !directories.contains(path)).collect::<Vec<_>>());
        handlers.push(handler);
    }
    // Nothing is closed, as when the process is killed; the home goes first, so that nobody looks after what is left.
    drop((home, adapter));
    drop(handlers);
    directories.try_into().unwrap()
}

#[tokio::test]
async fn what_nobody_delivers_is_told_until_it_is_delivered() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(503).await;
    let [first, second] = leave(directory.path(), &fake).await;
    fs::write(second.join("handler"), "something else").unwrap();
    let (waiting, unreadable) = (bytes(&first), bytes(&second));
    assert!(waiting > 0 && unreadable > 0);

    // Nobody hosts the adapter.
    let home = Life::open(SpoolOptions::new(directory.path())).await;
    until("it is told", || left(NAME, "not_hosted") == waiting && left("", "unreadable") == unreadable).await;
    let (first_path, second_path) = (first.display().to_string(), second.display().to_string());
    let waits = format!("bytes={waiting}");
    assert_eq!(log.lines(&["ERROR", "does not host; host it again", &first_path, &waits, "pusher", NAME]), 1);
    assert_eq!(log.lines(&["ERROR", "its file `handler` cannot be read", &second_path]), 1);

    // It is hosted, but cannot be built.
    let leaver = Leaver::new(true);
    let _adapter = home.wrap(leaver.clone());
    until("that is told too", || left(NAME, "not_built") == waiting && left(NAME, "not_hosted") == 0).await;
    until("in the log", || log.lines(&["ERROR", "no handler can be built", &first_path]) == 1).await;
    assert!(log.lines(&["the key file is gone"]) > 0);

    // It is built of what was kept.
    leaver.fails.store(false, Ordering::Relaxed);
    until("it is being delivered", || left(NAME, "not_configured") > 0 && left(NAME, "not_built") == 0).await;
    until("in the log", || log.lines(&["WARN", "no longer configured like that", &first_path]) == 1).await;
    fake.answer(200);
    fake.until(|arrived| arrived.names() == [0, 1, 2, 3, 4]).await;
    until("nothing is left of it", || left(NAME, "not_configured") == 0).await;
    assert_eq!(left("", "unreadable"), unreadable, "that stays");
}
