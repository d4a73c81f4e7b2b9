//! Files grow, are shared and are set aside.

use std::path::Path;

use crate::generated::Params;
use crate::generated::params::Stream;
use crate::setup::{Place, build, log_entry, report, string};

const MEGABYTE: u64 = 1024 * 1024;

#[tokio::test]
async fn a_file_grows_across_handlers() {
    let place = Place::new();
    for adapter in [mixer_stdio_adapter::adapter(), mixer_stdio_adapter::adapter()] {
        for _ in 0..2 {
            let handler = build(&adapter, &place.params()).await;
            handler.report(report("logentry", [log_entry("", None, &[])])).await.unwrap();
            handler.close().await;
        }
    }
    assert_eq!(place.text().lines().count(), 4);
}

#[tokio::test]
async fn an_edited_handler_goes_on_with_the_file() {
    let place = Place::new();
    let adapter = mixer_stdio_adapter::adapter();
    let old = build(&adapter, &place.params()).await;
    let new = build(&adapter, &Params { output_as_json: Some(false), ..place.params() }).await;
    for _ in 0..2 {
        for handler in [&old, &new] {
            handler.report(report("logentry", [log_entry("", None, &[])])).await.unwrap();
        }
    }
    old.close().await;
    new.report(report("logentry", [log_entry("", None, &[])])).await.unwrap();
    new.close().await;
    let json: Vec<_> = place.text().lines().map(|line| line.starts_with('{')).collect();
    assert_eq!(json, [true, false, true, false, false]);
}

/// Sizes of the files that were set aside, the newest last, and of the one that grows.
fn sizes(directory: &Path) -> Vec<u64> {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        // `lines` comes before `lines-2000…`.
        .map(|entry| (entry.file_name() == "lines", entry.file_name(), entry.metadata().unwrap().len()))
        .collect();
    files.sort();
    files.into_iter().map(|(_, _, size)| size).collect()
}

/// Writes five times 0.7 megabytes.
async fn write(params: &Params) {
    let handler = build(&mixer_stdio_adapter::adapter(), params).await;
    let line = log_entry("", None, &[("v", string(&"x".repeat(700)))]);
    for _ in 0..5 {
        handler.report(report("logentry", vec![line.clone(); 1000])).await.unwrap();
    }
    handler.close().await;
}

#[tokio::test]
async fn a_file_that_is_full_is_set_aside() {
    let place = Place::new();
    let params = Params {
        log_stream: Stream::RotatedFile.into(),
        max_megabytes_before_rotation: Some(1),
        ..place.params()
    };
    write(&params).await;
    let sizes = sizes(place.directory());
    assert_eq!(sizes.len(), 4, "{sizes:?}");
    let (last, full) = sizes.split_last().unwrap();
    assert!(full.iter().all(|size| (MEGABYTE - 1000..=MEGABYTE).contains(size)), "{sizes:?}");
    assert!(*last < MEGABYTE, "{sizes:?}");
    let lines: usize = std::fs::read_dir(place.directory())
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .flat_map(|text| text.lines().map(|line| usize::from(line.ends_with("x\"}"))).collect::<Vec<_>>())
        .sum();
    assert_eq!(lines, 5000);
}

#[tokio::test]
async fn only_so_many_files_are_kept() {
    let place = Place::new();
    let params = Params {
        log_stream: Stream::RotatedFile.into(),
        max_megabytes_before_rotation: Some(1),
        max_rotated_files: Some(2),
        ..place.params()
    };
    write(&params).await;
    assert_eq!(sizes(place.directory()).len(), 3);
}

#[tokio::test]
async fn the_usual_limits_are_far_away() {
    let place = Place::new();
    write(&Params { log_stream: Stream::RotatedFile.into(), ..place.params() }).await;
    assert_eq!(sizes(place.directory()).len(), 1);
    let place = Place::new();
    // Only a file that is to be rotated has limits.
    write(&Params { max_megabytes_before_rotation: Some(1), ..place.params() }).await;
    assert_eq!(sizes(place.directory()).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lines_of_handlers_that_share_a_file_do_not_mix() {
    const REPORTS: usize = 100;
    const LINES: usize = 20;
    let place = Place::new();
    let adapter = mixer_stdio_adapter::adapter();
    let mut tasks = Vec::new();
    for writer in ["a", "b", "c", "d"] {
        let handler = build(&adapter, &place.params()).await;
        tasks.push(tokio::spawn(async move {
            let line = log_entry("", None, &[("w", string(&writer.repeat(500)))]);
            for _ in 0..REPORTS {
                let outcome = handler.report(report("logentry", vec![line.clone(); LINES])).await.unwrap();
                assert_eq!(outcome.dropped, []);
            }
            handler.close().await;
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let text = place.text();
    let writers: Vec<_> = text
        .lines()
        .map(|line| {
            let (_, value) = line.split_once("\"w\":\"").unwrap_or_else(|| panic!("{line}"));
            let writer = &value[..1];
            assert_eq!(value, format!("{}\"}}", writer.repeat(500)));
            writer
        })
        .collect();
    assert_eq!(writers.len(), 4 * REPORTS * LINES);
    // The lines of a report stand together.
    for batch in writers.chunks(LINES) {
        assert!(batch.iter().all(|writer| *writer == batch[0]), "{batch:?}");
    }
}
