//! An output that does not take lines costs those lines, counted, and nothing else.

use std::path::Path;

use mixer_adapter_sdk::{Dropped, Handler};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::setup::{Place, build, log_entry, report, to_file};

/// What the handler lost, once the writer has dealt with everything that was sent before.
async fn losses(handler: &dyn Handler) -> Vec<Dropped> {
    loop {
        let outcome = handler.report(report("logentry", [])).await.unwrap();
        if !outcome.dropped.is_empty() {
            return outcome.dropped;
        }
        tokio::task::yield_now().await;
    }
}

fn lost(count: u64, detail: &str) -> Vec<Dropped> {
    vec![Dropped { reason: "write_failed", count, detail: detail.to_owned() }]
}

#[tokio::test]
async fn a_full_disk_costs_the_lines_that_do_not_fit() {
    let handler = build(&mixer_stdio_adapter::adapter(), &to_file(Path::new("/dev/full"))).await;
    for _ in 0..2 {
        let entry = log_entry("", None, &[]);
        let outcome = handler.report(report("logentry", [entry.clone(), entry])).await.unwrap();
        assert_eq!(outcome.dropped, [], "taken when it is queued");
        assert_eq!(losses(&*handler).await, lost(2, "/dev/full: No space left on device (os error 28)"));
    }
    handler.close().await;
}

#[tokio::test]
async fn a_reader_that_went_away_costs_lines_until_it_is_back() {
    let place = Place::new();
    mknodat(CWD, place.file(), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let open = || {
        let mut options = std::fs::OpenOptions::new();
        // With both ends open it is not waited for a writer.
        options.read(true).write(true).open(place.file()).unwrap()
    };
    let reader = open();
    let handler = build(&mixer_stdio_adapter::adapter(), &place.params()).await;
    drop(reader);
    let entry = log_entry("", None, &[]);
    handler.report(report("logentry", [entry.clone()])).await.unwrap();
    let detail = format!("{}: Broken pipe (os error 32)", place.file().display());
    assert_eq!(losses(&*handler).await, lost(1, &detail));
    let reader = open();
    handler.report(report("logentry", [entry])).await.unwrap();
    handler.close().await;
    let mut line = [0; 128];
    let length = rustix::io::read(&reader, &mut line).unwrap();
    assert!(line[..length].starts_with(b"{\"level\""), "{}", String::from_utf8_lossy(&line));
    assert!(line[..length].ends_with(b"}\n"));
}

#[tokio::test]
async fn a_pipe_that_nobody_reads_does_not_hold_up_reports() {
    let place = Place::new();
    mknodat(CWD, place.file(), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let reader = std::fs::OpenOptions::new().read(true).write(true).open(place.file()).unwrap();
    let handler = build(&mixer_stdio_adapter::adapter(), &place.params()).await;
    let entries = vec![log_entry("", None, &[]); 10_000];
    let mut taken = 0;
    let dropped = loop {
        let outcome = handler.report(report("logentry", entries.clone())).await.unwrap();
        match outcome.dropped.into_iter().next() {
            Some(dropped) => break dropped,
            None => taken += 1,
        }
        assert!(taken < 100, "memory has no bound");
    };
    assert!(taken > 10);
    assert_eq!((dropped.reason, dropped.count), ("queue_full", 10_000));
    drop(reader);
    // Now everything that waited fails instead.
    handler.close().await;
}
