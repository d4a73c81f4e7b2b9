//! A spool under an adapter: what was acknowledged arrives, whatever happens to the process, the backend and the disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use mixer_adapter_sdk::delivery::spool::{Fsync, SpoolError, SpoolHome, SpoolOptions};
use mixer_adapter_sdk::{Batch, ErrorKind, Handler, HandlerError, ReportCall, ReportOutcome, hosted};

use super::pusher::{Fake, Params, Pusher};

/// A process in a process: a spool and an adapter in it.
pub(crate) struct Life {
    home: SpoolHome,
    adapter: Arc<dyn mixer_adapter_sdk::Adapter>,
}

impl Life {
    async fn begin(options: SpoolOptions) -> Self {
        let home = Self::open(options).await;
        let adapter = home.wrap(hosted(Pusher));
        Self { home, adapter }
    }

    /// A spool that another life has had.
    pub(crate) async fn open(options: SpoolOptions) -> SpoolHome {
        // What an earlier life held is let go of by tasks that have to notice their end.
        let opened = async {
            loop {
                match SpoolHome::open(options.clone()).await {
                    Err(SpoolError::InUse(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                    other => return other,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), opened).await.unwrap().unwrap()
    }

    async fn handler(&self, params: &Params) -> Arc<dyn Handler> {
        self.adapter.build(params.spec()).await.unwrap()
    }
}

pub(crate) async fn report(
    handler: &dyn Handler,
    names: std::ops::Range<u32>,
) -> Result<ReportOutcome, HandlerError> {
    let named = names.map(|name| (name.to_string().into(), instance(&name.to_string())));
    let batch = Batch::from_instances(named);
    handler.report(ReportCall { template: "logentry", batch, deadline: None }).await
}

/// An encoded `InstanceMsg` that carries its name, as all of Mixer's do.
fn instance(name: &str) -> Bytes {
    use prost::Message as _;
    let message =
        mixer_proto::template::logentry::InstanceMsg { name: name.to_owned(), ..Default::default() };
    message.encode_to_vec().into()
}

/// All files with a segment in them.
pub(crate) fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(segments(&path)),
            path if path.extension().is_some_and(|kind| kind == "seg") => found.push(path),
            _ => {}
        }
    }
    found.sort();
    found
}

pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), waiting).await.is_ok(), "{what}");
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

#[tokio::test]
async fn reports_that_no_harvest_had_are_taken_again_without_a_call_and_keep_their_times() {
    for fsync in [Fsync::Never, Fsync::Always] {
        let directory = tempfile::tempdir().unwrap();
        let options = SpoolOptions { fsync, ..SpoolOptions::new(directory.path()) };
        let fake = Fake::start(200).await;
        let params = Params { harvest_millis: 3_600_000, ..fake.params() };
        let began = now();
        let life = Life::begin(options.clone()).await;
        let handler = life.handler(&params).await;
        for first in [0, 10, 20] {
            assert_eq!(report(&*handler, first..first + 10).await.unwrap(), ReportOutcome::complete());
        }
        let ended = now();
        drop((handler, life));
        assert!(fake.arrived().payloads.is_empty(), "nothing was sent by the first life");

        let life = Life::begin(options.clone()).await;
        let arrived = fake.until(|arrived| arrived.names().len() >= 30 && arrived.counted() >= 30.0).await;
        assert_eq!(
            (arrived.names(), arrived.counted()),
            ((0..30).collect(), 30.0),
            "each pipeline takes its own"
        );
        assert!(arrived.entries().iter().all(|(_, at)| (began..=ended).contains(at)), "{arrived:?}");
        until("what is delivered leaves the disk", || segments(directory.path()).is_empty()).await;
        drop(life);
        fake.forget();
        let life = Life::begin(options).await;
        let handler = life.handler(&params).await;
        report(&*handler, 90..91).await.unwrap();
        handler.close().await;
        assert_eq!(fake.arrived().names(), [90], "nothing comes twice");
    }
}

#[tokio::test]
async fn payloads_keep_their_ids_over_an_outage_and_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let options = SpoolOptions::new(directory.path());
    let fake = Fake::start(503).await;
    let life = Life::begin(options.clone()).await;
    let handler = life.handler(&fake.params()).await;
    report(&*handler, 0..5).await.unwrap();
    let first = fake.until(|arrived| arrived.names().len() >= 5 && arrived.counted() >= 5.0).await;
    drop((handler, life));
    for round in 1..4u32 {
        let life = Life::begin(options.clone()).await;
        let handler = life.handler(&fake.params()).await;
        report(&*handler, round * 5..round * 5 + 5).await.unwrap();
        // All that was ever sent goes round again.
        fake.until(|arrived| arrived.names().len() as u32 >= round * 5 + 5).await;
        drop((handler, life));
    }
    fake.forget();
    fake.answer(200);
    let _life = Life::begin(options).await;
    let arrived = fake.until(|arrived| arrived.names().len() >= 20 && arrived.counted() >= 20.0).await;
    assert_eq!((arrived.names(), arrived.counted()), ((0..20).collect(), 20.0));
    for (id, (body, _)) in first.payloads {
        assert_eq!(arrived.payloads[&id].0, body);
    }
    until("what is delivered leaves the disk", || segments(directory.path()).is_empty()).await;
}

#[tokio::test]
async fn what_a_closed_handler_had_left_still_goes_out() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(503).await;
    let life = Life::begin(SpoolOptions::new(directory.path())).await;
    let old = Params { close_millis: 50, ..fake.params() };
    let handler = life.handler(&old).await;
    report(&*handler, 0..5).await.unwrap();
    let began = std::time::Instant::now();
    handler.close().await;
    assert!(began.elapsed() < Duration::from_secs(20), "closing has an end: {:?}", began.elapsed());
    drop(handler);
    // The configuration was edited: nobody calls with the old one again.
    let handler = life.handler(&fake.params()).await;
    report(&*handler, 5..6).await.unwrap();
    fake.answer(200);
    let arrived = fake.until(|arrived| arrived.counted() >= 6.0 && arrived.names().len() >= 6).await;
    assert_eq!(arrived.names(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(fake.dropped("shutdown"), 0);
}

#[tokio::test]
async fn a_payload_that_is_too_large_is_split_with_ids_that_last() {
    let directory = tempfile::tempdir().unwrap();
    let options = SpoolOptions::new(directory.path());
    let fake = Fake::start(413).await;
    let life = Life::begin(options.clone()).await;
    let handler = life.handler(&fake.params()).await;
    report(&*handler, 0..4).await.unwrap();
    // One of four, two of two, four of one, which are dropped in the end.
    until("single items are dropped", || fake.dropped("too_large") == 5).await;
    let sizes: Vec<usize> = {
        let arrived = fake.arrived();
        let payloads = arrived.payloads.values();
        let mut sizes: Vec<_> = payloads
            .filter(|(body, _)| body.starts_with("entry"))
            .inspect(|(_, times)| assert_eq!(*times, 1))
            .map(|(body, _)| body.lines().count())
            .collect();
        sizes.sort_unstable();
        sizes
    };
    assert_eq!(sizes, [1, 1, 1, 1, 2, 2, 4]);
    handler.close().await;
}

#[tokio::test]
async fn what_is_too_old_is_dropped_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(503).await;
    let life = Life::begin(SpoolOptions::new(directory.path())).await;
    let handler = life.handler(&Params { max_age_millis: 300, ..fake.params() }).await;
    report(&*handler, 0..4).await.unwrap();
    // Four entries and one count.
    until("it expires", || fake.dropped("expired") == 5).await;
    fake.answer(200);
    report(&*handler, 4..5).await.unwrap();
    handler.close().await;
}

#[tokio::test]
async fn a_disk_that_fails_is_told_to_the_caller_until_it_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(200).await;
    let life = Life::begin(SpoolOptions::new(directory.path().join("spool"))).await;
    let handler = life.handler(&Params { harvest_millis: 3_600_000, ..fake.params() }).await;
    let (place, aside) = (directory.path().join("spool"), directory.path().join("aside"));
    fs::rename(&place, &aside).unwrap();
    let error = report(&*handler, 0..3).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("is the volume full"), "{error}");
    assert_eq!(fake.dropped("spool_failed"), 3);
    fs::rename(&aside, &place).unwrap();
    report(&*handler, 3..6).await.unwrap();
    handler.close().await;
    assert_eq!(fake.arrived().names(), [3, 4, 5]);
}

#[tokio::test]
async fn the_disk_is_bounded_while_the_backend_is_away() {
    const MAX: u64 = 1 << 20;
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(503).await;
    let life = Life::begin(SpoolOptions { max_bytes: MAX, ..SpoolOptions::new(directory.path()) }).await;
    let handler = life.handler(&fake.params()).await;
    let mut first = 0;
    while fake.dropped("spool_full") == 0 {
        // A caller that is refused tries again.
        match report(&*handler, first..first + 1000).await {
            Ok(_) => first += 1000,
            Err(error) => assert_eq!(error.kind, ErrorKind::Unavailable),
        }
        let sizes = segments(directory.path()).into_iter().filter_map(|file| fs::metadata(file).ok());
        let bytes: u64 = sizes.map(|file| file.len()).sum();
        assert!(bytes <= MAX, "{bytes}");
        assert!(first < 1_000_000, "nothing made room");
    }
    let refused = fake.dropped("spool_full");
    fake.answer(200);
    let last = first - 1;
    let arrived = fake.until(|arrived| arrived.names().last() == Some(&last)).await;
    assert!(arrived.names().len() as u64 + refused > 1000);
}

#[tokio::test]
async fn a_directory_has_one_process() {
    let directory = tempfile::tempdir().unwrap();
    let life = Life::begin(SpoolOptions::new(directory.path())).await;
    let error = SpoolHome::open(SpoolOptions::new(directory.path())).await.unwrap_err();
    assert!(matches!(error, SpoolError::InUse(_)), "{error}");
    assert!(error.to_string().contains("another process"), "{error}");
    drop(life.home);
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = SpoolHome::open(SpoolOptions::new(file.join("x"))).await.unwrap_err();
    assert!(error.to_string().contains("file/x"), "{error}");
}

#[tokio::test]
async fn corrupt_segments_are_set_aside_and_the_rest_is_delivered() {
    let directory = tempfile::tempdir().unwrap();
    let options = SpoolOptions::new(directory.path());
    let fake = Fake::start(200).await;
    let params = Params { harvest_millis: 3_600_000, ..fake.params() };
    let life = Life::begin(options.clone()).await;
    let handler = life.handler(&params).await;
    for name in 0..4 {
        report(&*handler, name..name + 1).await.unwrap();
    }
    drop((handler, life));
    let journal =
        segments(directory.path()).into_iter().find(|file| file.to_str().unwrap().contains("entries"));
    let journal = journal.unwrap();
    let mut bytes = fs::read(&journal).unwrap();
    let at = bytes.len() / 2 + 8;
    bytes[at] ^= 0x55;
    fs::write(&journal, bytes).unwrap();
    let _life = Life::begin(options).await;
    let arrived = fake.until(|arrived| arrived.counted() >= 4.0 && !arrived.names().is_empty()).await;
    let names = arrived.names();
    assert_eq!(names, (0..names.len() as u32).collect::<Vec<_>>());
    assert!((1..4).contains(&names.len()), "{names:?}");
    let aside = journal.with_extension("corrupt");
    assert!(aside.exists(), "it is kept for whoever wants to look at it");
}
