//! The spool: order, restarts, bounds, damage, and a process that is killed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use mixer_adapter_sdk::delivery::RequestId;
use mixer_adapter_sdk::delivery::spool::{Fsync, Record, Spool, SpoolError, SpoolOptions};
use tokio::sync::mpsc;
use tokio::time::Instant;

fn record(number: u32) -> Record {
    Record {
        request_id: RequestId::from_bytes(u128::from(number).to_be_bytes()),
        config: Bytes::from(format!("config {}", number % 3)),
        items: 2,
        payload: Bytes::from(format!("payload {number} {}", "x".repeat(100))),
    }
}

/// Everything that was not handed out yet.
async fn rest(spool: &Spool) -> Vec<Record> {
    let mut records = Vec::new();
    while let Some((_, record)) = spool.next().await.unwrap() {
        records.push(record);
    }
    records
}

fn records(numbers: impl IntoIterator<Item = u32>) -> Vec<Record> {
    numbers.into_iter().map(record).collect()
}

/// Files of a kind, in order.
fn files(directory: &Path, kind: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == kind)).collect();
    files.sort();
    files
}

/// Small segments: about four records each.
fn small(directory: &Path) -> SpoolOptions {
    SpoolOptions { max_bytes: 100_000, segment_bytes: 600, ..SpoolOptions::new(directory) }
}

async fn filled(options: SpoolOptions, numbers: std::ops::Range<u32>) -> Spool {
    let spool = Spool::open(options).await.unwrap();
    for number in numbers {
        spool.append(record(number)).await.unwrap();
    }
    spool
}

#[tokio::test]
async fn entries_come_in_order_with_their_ids_and_configurations_and_again_until_they_are_settled() {
    for fsync in [Fsync::Never, Fsync::Always] {
        let directory = tempfile::tempdir().unwrap();
        let options = SpoolOptions { fsync, ..small(directory.path()) };
        let spool = filled(options.clone(), 0..20).await;
        assert!(files(directory.path(), "seg").len() > 3);
        assert_eq!(rest(&spool).await, records(0..20));
        assert_eq!(rest(&spool).await, [], "each is handed out once");
        spool.append(record(20)).await.unwrap();
        assert_eq!(rest(&spool).await, records([20]));
        drop(spool);

        let spool = Spool::open(options.clone()).await.unwrap();
        assert_eq!(spool.stats().entries, 21);
        for number in 0..21 {
            let (entry, found) = spool.next().await.unwrap().unwrap();
            assert_eq!(found, record(number));
            // The first segments whole, one of the later ones in part.
            if number < 9 || number == 12 {
                spool.settle(entry).await.unwrap();
                spool.settle(entry).await.unwrap();
            }
        }
        drop(spool);

        let spool = Spool::open(options).await.unwrap();
        spool.append(record(99)).await.unwrap();
        assert_eq!(rest(&spool).await, records((9..12).chain(13..21).chain([99])));
        assert_eq!(spool.stats().dropped_items, 0);
    }
}

#[tokio::test]
async fn what_is_settled_leaves_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let spool = filled(small(directory.path()), 0..40).await;
    while let Some((entry, _)) = spool.next().await.unwrap() {
        spool.settle(entry).await.unwrap();
    }
    assert_eq!((spool.stats().entries, files(directory.path(), "seg").len()), (0, 1));
    assert!(spool.stats().bytes <= 1000, "{:?}", spool.stats());
    drop(spool);
    let spool = Spool::open(small(directory.path())).await.unwrap();
    assert_eq!((spool.stats().bytes, files(directory.path(), "seg").len()), (0, 0));
    assert_eq!(files(directory.path(), "settled"), [] as [PathBuf; 0]);
}

#[tokio::test]
async fn the_oldest_make_room_and_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let options = SpoolOptions { max_bytes: 3000, ..small(directory.path()) };
    let spool = filled(options, 0..100).await;
    let stats = spool.stats();
    assert!(stats.bytes <= 3000, "{stats:?}");
    let on_disk: u64 = files(directory.path(), "seg").iter().map(|file| file.metadata().unwrap().len()).sum();
    assert_eq!(on_disk, stats.bytes);
    let left = rest(&spool).await;
    assert!(left.len() > 5, "{stats:?}");
    assert_eq!(left, records(100 - left.len() as u32..100));
    assert_eq!(stats.dropped_items, 2 * (100 - left.len() as u64));
    let large = Record { payload: vec![0; 4000].into(), ..record(0) };
    assert!(matches!(spool.append(large).await, Err(SpoolError::TooLarge { max_bytes: 3000, .. })));
}

#[tokio::test]
async fn an_entry_that_made_room_while_it_was_delivered_is_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let spool = filled(SpoolOptions { max_bytes: 3000, ..small(directory.path()) }, 0..2).await;
    let (entry, _) = spool.next().await.unwrap().unwrap();
    for number in 2..100 {
        spool.append(record(number)).await.unwrap();
    }
    spool.settle(entry).await.unwrap();
    assert_eq!(rest(&spool).await.last(), Some(&record(99)));
}

#[tokio::test]
async fn a_torn_end_is_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(small(directory.path()), 0..10).await);
    let last = files(directory.path(), "seg").pop().unwrap();
    let length = last.metadata().unwrap().len();
    fs::OpenOptions::new().write(true).open(&last).unwrap().set_len(length - 3).unwrap();
    let spool = filled(small(directory.path()), 10..12).await;
    assert_eq!(rest(&spool).await, records((0..9).chain(10..12)));
    assert_eq!(spool.stats().corrupt_segments, 0);
}

#[tokio::test]
async fn a_corrupt_segment_is_set_aside_and_what_stands_before_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(small(directory.path()), 0..12).await);
    let whole = {
        let spool = Spool::open(small(directory.path())).await.unwrap();
        rest(&spool).await
    };
    assert_eq!(whole, records(0..12));
    let second = files(directory.path(), "seg")[1].clone();
    let mut bytes = fs::read(&second).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&second, &bytes).unwrap();

    let spool = Spool::open(small(directory.path())).await.unwrap();
    assert_eq!(spool.stats().corrupt_segments, 1);
    let aside = files(directory.path(), "corrupt");
    assert_eq!(aside.iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>(), [bytes]);
    let left = rest(&spool).await;
    assert!((9..12).contains(&left.len()), "{} are left", left.len());
    assert!(left.iter().all(|record| whole.contains(record)));
    assert_eq!((left.first(), left.last()), (whole.first(), whole.last()));
    drop(spool);
    let spool = Spool::open(small(directory.path())).await.unwrap();
    assert_eq!((rest(&spool).await, spool.stats().corrupt_segments), (left, 0));
}

#[tokio::test]
async fn a_segment_that_changes_while_it_is_open_is_set_aside_too() {
    let directory = tempfile::tempdir().unwrap();
    let spool = filled(small(directory.path()), 0..12).await;
    let first = files(directory.path(), "seg")[0].clone();
    let mut bytes = fs::read(&first).unwrap();
    bytes[60] ^= 1;
    fs::write(&first, bytes).unwrap();
    let left = rest(&spool).await;
    assert_eq!(left, records(12 - left.len() as u32..12));
    let stats = spool.stats();
    assert_eq!((stats.corrupt_segments, stats.dropped_items), (1, 2 * (12 - left.len() as u64)));
}

#[tokio::test]
async fn a_directory_has_one_user() {
    let directory = tempfile::tempdir().unwrap();
    let spool = filled(small(directory.path()), 0..1).await;
    assert!(matches!(Spool::open(small(directory.path())).await, Err(SpoolError::InUse(_))));
    drop(spool);
    Spool::open(small(directory.path())).await.unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Spool::open(SpoolOptions::new(file.join("x"))).await.unwrap_err();
    assert!(error.to_string().contains("file/x"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn replay_keeps_order_and_rate_and_goes_on_with_what_is_appended() {
    let directory = tempfile::tempdir().unwrap();
    let spool = filled(small(directory.path()), 0..10).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let replaying = tokio::spawn({
        let spool = spool.clone();
        async move {
            let deliver = |record: Record| {
                sender.send((record, Instant::now())).unwrap();
                std::future::ready(())
            };
            spool.replay(10, deliver).await;
        }
    });
    let mut moments = Vec::new();
    for number in 0..10 {
        let (found, at) = receiver.recv().await.unwrap();
        assert_eq!(found, record(number));
        moments.push(at);
    }
    assert!(moments.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(100)), "{moments:?}");
    spool.append(record(10)).await.unwrap();
    assert_eq!(receiver.recv().await.unwrap().0, record(10));
    replaying.abort();
}

/// What the child of the next test gets: the directory of its spool.
const CHILD: &str = "MIXER_TEST_SPOOL";

#[tokio::test]
async fn what_was_appended_survives_a_kill() {
    if let Some(directory) = std::env::var_os(CHILD) {
        let spool = Spool::open(small(Path::new(&directory))).await.unwrap();
        for number in 0.. {
            spool.append(record(number)).await.unwrap();
            println!("acked {number}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "spool::what_was_appended_survives_a_kill", "--nocapture"])
        .env(CHILD, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let number = |line: String| Some(line.rsplit_once("acked ")?.1.parse::<u32>().unwrap());
    let early = lines.by_ref().filter_map(number).take(200).last();
    assert_eq!(early, Some(199));
    child.kill().unwrap();
    child.wait().unwrap();
    // The last line may be cut off by the kill.
    let acked = lines.filter_map(|line| line.strip_prefix("acked ")?.parse::<u32>().ok());
    let acked = acked.last().max(early).unwrap();
    let spool = Spool::open(small(directory.path())).await.unwrap();
    let left = rest(&spool).await;
    let dropped = spool.stats().dropped_items;
    let last = record_number(left.last().unwrap());
    assert!((acked..=acked + 1).contains(&last), "{acked} was the last to be acknowledged, {last} is there");
    assert_eq!((left[..].to_vec(), dropped), (records(last + 1 - left.len() as u32..=last), 0));
    assert!(left.len() as u32 == last + 1 || spool.stats().bytes > 90_000, "none is missing but for room");
}

fn record_number(record: &Record) -> u32 {
    u128::from_be_bytes(*record.request_id.as_bytes()) as u32
}
