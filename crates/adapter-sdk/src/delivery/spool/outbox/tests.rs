//! The outbox: order, restarts, bounds, damage, and files that are cut anywhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use mixer_adapter_api::HandlerSpec;
use proptest::prelude::*;

use super::*;
use crate::delivery::DeliveryMetrics;
use crate::delivery::spool::home::HomeInner;
use crate::delivery::spool::journal::Journal;
use crate::delivery::spool::{Fsync, SpoolOptions};

fn record(number: u32) -> Record {
    Record {
        request_id: RequestId::from_bytes(u128::from(number).to_be_bytes()),
        since: UNIX_EPOCH + Duration::from_nanos(u64::from(number) + 1),
        items: 2,
        payload: Bytes::from(format!("payload {number} {}", "x".repeat(100))),
    }
}

fn records(numbers: impl IntoIterator<Item = u32>) -> Vec<Record> {
    numbers.into_iter().map(record).collect()
}

/// Small segments: about four records each.
fn small(directory: &Path) -> SpoolOptions {
    SpoolOptions { max_bytes: 9600, ..SpoolOptions::new(directory) }
}

struct Rig {
    outbox: Outbox,
    covers: u64,
    metrics: BackendMetrics,
    directory: PathBuf,
}

impl Rig {
    async fn open(options: SpoolOptions) -> Self {
        let spec = HandlerSpec { name: "h".into(), params: Bytes::from_static(b"p"), instances: Vec::new() };
        let home = Arc::new(HomeInner::open(options).unwrap());
        let claim = home.claim("a", &spec).unwrap();
        let directory = claim.directory().join("x").join("outbox");
        let metrics = DeliveryMetrics::new().unwrap().of("test");
        let (outbox, covers) = Outbox::open(claim, "x", metrics.clone()).await.unwrap();
        Self { outbox, covers, metrics, directory }
    }

    async fn filled(options: SpoolOptions, numbers: std::ops::Range<u32>) -> Self {
        let rig = Self::open(options).await;
        for number in numbers {
            rig.append(&[number], 0).await.unwrap();
        }
        rig
    }

    async fn append(&self, numbers: &[u32], covers: u64) -> Result<(), SpoolError> {
        self.outbox.append(records(numbers.iter().copied()).into(), covers).await
    }

    /// Everything that was not handed out yet.
    async fn rest(&self) -> Vec<Record> {
        let mut records = Vec::new();
        while let Some((_, record)) = self.outbox.next().await.unwrap() {
            records.push(record);
        }
        records
    }

    fn files(&self, kind: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == kind)).collect();
        files.sort();
        files
    }

    fn bytes(&self) -> u64 {
        self.outbox.inner.store.lock().bytes()
    }

    fn corrupt(&self) -> u64 {
        self.metrics.spool.corrupt.get()
    }
}

#[tokio::test]
async fn payloads_come_in_order_and_again_until_they_are_settled() {
    for fsync in [Fsync::Never, Fsync::Always] {
        let directory = tempfile::tempdir().unwrap();
        let options = SpoolOptions { fsync, ..small(directory.path()) };
        let rig = Rig::filled(options.clone(), 0..20).await;
        assert!(rig.files("seg").len() > 3);
        assert_eq!(rig.rest().await, records(0..20));
        assert_eq!(rig.rest().await, [], "each is handed out once");
        rig.append(&[20], 7).await.unwrap();
        assert_eq!(rig.rest().await, records([20]));
        drop(rig);

        let rig = Rig::open(options.clone()).await;
        assert_eq!((rig.outbox.level(), rig.covers), ((21, 42), 7));
        for number in 0..21 {
            let (entry, found) = rig.outbox.next().await.unwrap().unwrap();
            assert_eq!(found, record(number));
            // The first segments whole, one of the later ones in part.
            if number < 9 || number == 12 {
                rig.outbox.settle(entry).await.unwrap();
                rig.outbox.settle(entry).await.unwrap();
            }
        }
        assert_eq!(rig.metrics.spool.entries.get(), 11);
        drop(rig);

        let rig = Rig::open(options).await;
        rig.append(&[99], 0).await.unwrap();
        assert_eq!(rig.rest().await, records((9..12).chain(13..21).chain([99])));
    }
}

#[tokio::test]
async fn what_is_settled_leaves_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::filled(small(directory.path()), 0..40).await;
    while let Some((entry, _)) = rig.outbox.next().await.unwrap() {
        rig.outbox.settle(entry).await.unwrap();
    }
    assert_eq!((rig.outbox.level(), rig.files("seg").len()), ((0, 0), 1));
    assert_eq!(rig.metrics.spool.bytes.get(), rig.bytes() as i64);
    let handler = rig.directory.parent().unwrap().parent().unwrap().to_owned();
    drop(rig);
    assert!(!handler.exists(), "nothing is left, so nothing stays");
}

#[tokio::test]
async fn the_oldest_make_room_and_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::filled(small(directory.path()), 0..5).await;
    let (out, _) = rig.outbox.next().await.unwrap().unwrap();
    for number in 5..100 {
        rig.append(&[number], 0).await.unwrap();
    }
    assert!(rig.bytes() <= 9600, "{}", rig.bytes());
    let on_disk: u64 = rig.files("seg").iter().map(|file| file.metadata().unwrap().len()).sum();
    assert_eq!(on_disk, rig.bytes());
    rig.outbox.settle(out).await.unwrap();
    let left = rig.rest().await;
    assert!(left.len() > 5, "{}", left.len());
    assert_eq!(left, records(100 - left.len() as u32..100));
    // The first one was handed out: whoever has it decides.
    let dropped = 2 * (99 - left.len() as u64);
    assert_eq!(rig.metrics.dropped_so_far(reason::SPOOL_FULL), dropped);
    let many: Vec<u32> = (200..300).collect();
    rig.append(&many, 0).await.unwrap();
    let left = rig.rest().await;
    assert_eq!(left.last(), Some(&record(299)), "of a group that is too large the newest are kept");
    assert!(rig.bytes() <= 9600, "{}", rig.bytes());
    let all = dropped + 2 * (100 - left.len() as u64);
    assert_eq!(rig.metrics.dropped_so_far(reason::SPOOL_FULL), all);
}

#[tokio::test]
async fn a_corrupt_segment_is_set_aside_and_what_stands_before_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::filled(small(directory.path()), 0..12).await;
    let second = rig.files("seg")[1].clone();
    drop(rig);
    let mut bytes = fs::read(&second).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&second, &bytes).unwrap();

    let rig = Rig::open(small(directory.path())).await;
    assert_eq!(rig.corrupt(), 1);
    let aside = rig.files("corrupt");
    assert_eq!(aside.iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>(), [bytes]);
    let left = rig.rest().await;
    assert!((9..12).contains(&left.len()), "{} are left", left.len());
    assert_eq!((left.first(), left.last()), (Some(&record(0)), Some(&record(11))));
    drop(rig);
    let rig = Rig::open(small(directory.path())).await;
    assert_eq!((rig.rest().await, rig.corrupt()), (left, 0));
}

#[tokio::test]
async fn a_segment_that_changes_while_it_is_open_is_set_aside_too() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::filled(small(directory.path()), 0..12).await;
    let first = rig.files("seg")[0].clone();
    let mut bytes = fs::read(&first).unwrap();
    bytes[60] ^= 1;
    fs::write(&first, bytes).unwrap();
    let left = rig.rest().await;
    assert_eq!(left, records(12 - left.len() as u32..12));
    assert_eq!(rig.corrupt(), 1);
    let lost = 2 * (12 - left.len() as u64);
    assert_eq!(rig.metrics.dropped_so_far(reason::SPOOL_CORRUPT), lost);
}

#[tokio::test]
async fn a_disk_that_fails_is_an_error_until_it_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::open(small(directory.path())).await;
    let aside = directory.path().join("aside");
    fs::rename(&rig.directory, &aside).unwrap();
    let error = rig.append(&[1], 0).await.unwrap_err();
    assert!(matches!(error, SpoolError::Io { .. }), "{error}");
    fs::rename(&aside, &rig.directory).unwrap();
    rig.append(&[2], 0).await.unwrap();
    assert_eq!(rig.rest().await, records([2]));
    assert_eq!(rig.metrics.spool.bytes.get(), rig.bytes() as i64);
}

/// Groups of payloads, and how many of the first payloads are settled.
fn histories() -> impl Strategy<Value = (Vec<u32>, usize)> {
    (prop::collection::vec(0u32..4, 1..6), 0usize..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// The last segment is cut at every byte: groups come whole or not at all, in order, with the mark of the last whole
    /// one, and what was settled before does not come again.
    #[test]
    fn groups_survive_a_cut_whole_or_not_at_all((sizes, settled) in histories()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let options = SpoolOptions::new(directory.path());
            let rig = Rig::open(options.clone()).await;
            let mut first = 0;
            let mut groups = Vec::new();
            for (index, size) in sizes.iter().enumerate() {
                let group: Vec<u32> = (first..first + size).collect();
                first += size;
                rig.append(&group, index as u64 + 1).await.unwrap();
                let end = rig.files("seg")[0].metadata().unwrap().len() as usize;
                groups.push((end, group, index as u64 + 1));
            }
            let settled = settled.min((first as usize).saturating_sub(1));
            for _ in 0..settled {
                let (entry, _) = rig.outbox.next().await.unwrap().unwrap();
                rig.outbox.settle(entry).await.unwrap();
            }
            let (segment, whole) = (rig.files("seg")[0].clone(), fs::read(&rig.files("seg")[0]).unwrap());
            let notes = rig.files("settled").first().map(|file| (file.clone(), fs::read(file).unwrap()));
            let lives = first as usize > settled;
            drop(rig);
            if !lives {
                return;
            }
            for cut in 0..=whole.len() {
                // An earlier round may have found nothing worth keeping, and removed it all.
                let parent = segment.parent().unwrap();
                let Some(spec) = parent.parent().and_then(Path::parent) else { return };
                if !spec.join("handler").exists() {
                    drop(Rig::filled(options.clone(), 0..1).await);
                }
                fs::create_dir_all(parent).unwrap();
                for file in fs::read_dir(parent).unwrap() {
                    fs::remove_file(file.unwrap().path()).unwrap();
                }
                fs::write(&segment, &whole[..cut]).unwrap();
                if let Some((file, notes)) = &notes {
                    fs::write(file, notes).unwrap();
                }
                let rig = Rig::open(options.clone()).await;
                let whole_groups: Vec<_> = groups.iter().filter(|(end, ..)| *end <= cut).collect();
                let wanted = whole_groups.iter().flat_map(|(_, group, _)| group.iter().copied()).skip(settled);
                let covers = whole_groups.last().map_or(0, |(.., covers)| *covers);
                assert_eq!((rig.rest().await, rig.covers), (records(wanted), covers), "cut at {cut}");
                rig.append(&[1000], 0).await.unwrap();
                assert_eq!(rig.rest().await, records([1000]), "it goes on");
            }
        });
    }

    /// The journal is cut at every byte: whole reports come in order.
    #[test]
    fn reports_survive_a_cut(sizes in prop::collection::vec(0usize..60, 1..5), covers in 0u64..2) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let home = Arc::new(HomeInner::open(SpoolOptions::new(directory.path())).unwrap());
            let spec = HandlerSpec { name: "h".into(), params: Bytes::new(), instances: Vec::new() };
            let claim = home.claim("a", &spec).unwrap();
            let metrics = DeliveryMetrics::new().unwrap().of("test");
            let journal = Journal::open(claim.clone(), "x", 0, metrics.clone()).await.unwrap();
            let at = |index: usize| UNIX_EPOCH + Duration::from_secs(index as u64);
            let file = claim.directory().join("x/journal/00000000000000000000.seg");
            let mut ends = Vec::new();
            for (index, size) in sizes.iter().enumerate() {
                journal.append(at(index), "metric", &vec![7; *size]).await.unwrap();
                ends.push(file.metadata().unwrap().len() as usize);
            }
            drop(journal);
            let whole = fs::read(&file).unwrap();
            for cut in 0..=whole.len() {
                fs::write(&file, &whole[..cut]).unwrap();
                let journal = Journal::open(claim.clone(), "x", covers, metrics.clone()).await.unwrap();
                let kept = ends.iter().filter(|end| **end <= cut).count();
                let expected: Vec<u64> = if covers == 0 { vec![0] } else { Vec::new() };
                assert_eq!(journal.leftover(), expected);
                for segment in expected {
                    let found = journal.read(segment).await.unwrap();
                    let found: Vec<_> = found.iter().map(|report| (report.at, report.framed.len())).collect();
                    let wanted: Vec<_> = sizes[..kept].iter().enumerate().map(|(i, size)| (at(i), *size)).collect();
                    assert_eq!(found, wanted, "cut at {cut}");
                }
                journal.append(at(99), "metric", b"x").await.unwrap();
                let next = journal.rotate().await.unwrap();
                journal.settle(next).await.unwrap();
                assert!(!file.exists(), "a harvest has it");
            }
        });
    }
}
