//! A writer takes no more than it may hold, tells what it lost, and lives as long as somebody sends to it.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::SystemTime;

use mixer_adapter_sdk::Dropped;
use tempfile::TempDir;

use super::queue::{MAX_BYTES, Refused};
use super::{Lane, Writers, start};
use crate::config::{Output, Target};
use crate::sink::{Sink, WriteError};

/// Takes what it is given one after the other, as far as the test lets it: how many bytes, and whether it fails then.
struct Gate {
    entered: mpsc::Sender<Vec<u8>>,
    passes: mpsc::Receiver<Result<(), usize>>,
}

impl Sink for Gate {
    fn write(&mut self, _: SystemTime, lines: &[u8]) -> Result<(), WriteError> {
        self.entered.send(lines.to_vec()).unwrap();
        let fail = |written| WriteError { written, source: std::io::ErrorKind::StorageFull.into() };
        // Without a test there is nothing to wait for.
        self.passes.recv().unwrap_or(Ok(())).map_err(fail)
    }
}

/// A lane to a gate, what came to the gate, and how it is opened.
fn gate() -> (Lane, mpsc::Receiver<Vec<u8>>, mpsc::Sender<Result<(), usize>>) {
    let ((entered, entries), (open, passes)) = (mpsc::channel(), mpsc::channel());
    let queue = start("the gate".to_owned(), Box::new(Gate { entered, passes })).unwrap();
    (Lane::new(queue), entries, open)
}

#[tokio::test]
async fn an_output_that_is_stuck_fills_its_queue_and_no_more() {
    let (lane, entries, open) = gate();
    let half = "x".repeat(MAX_BYTES / 2 - 1) + "\n";
    lane.send(half.clone().into()).unwrap();
    entries.recv().unwrap();
    // What is being written counts too.
    lane.send(half.clone().into()).unwrap();
    assert_eq!(lane.send(b"a\n".to_vec()), Err(Refused::QueueFull));
    assert_eq!(
        lane.describe(Refused::QueueFull),
        "16 MiB wait for the gate already; look at why it is not read or written faster"
    );
    open.send(Ok(())).unwrap();
    assert_eq!(entries.recv().unwrap().len(), half.len());
    lane.send(b"b\n".to_vec()).unwrap();
    drop(open);
    lane.close().await;
    assert_eq!(entries.recv().unwrap(), b"b\n");
    assert_eq!(lane.take_losses(), None);
}

#[tokio::test]
async fn a_batch_that_is_larger_than_the_queue_goes_alone() {
    let (lane, entries, open) = gate();
    let large = b"x\n".repeat(MAX_BYTES);
    lane.send(large.clone()).unwrap();
    assert_eq!(lane.send(large.clone()), Err(Refused::QueueFull));
    open.send(Ok(())).unwrap();
    drop(open);
    lane.close().await;
    assert_eq!(entries.iter().map(|lines| lines.len()).collect::<Vec<_>>(), [large.len()]);
}

#[test]
fn lines_that_could_not_be_written_are_told_to_whoever_sent_them() {
    let (lane, entries, open) = gate();
    assert!(lane.queue().attach());
    let other = Lane::new(lane.queue().clone());
    lane.send(b"1\n2\n3\n".to_vec()).unwrap();
    other.send(b"4\n".to_vec()).unwrap();
    lane.send(b"5\n".to_vec()).unwrap();
    other.send(b"6\n".to_vec()).unwrap();
    lane.send(b"7\n".to_vec()).unwrap();
    // The first line arrived, and half of the second one.
    for pass in [Err(3), Ok(()), Err(0), Ok(())] {
        open.send(pass).unwrap();
    }
    // The last batch is begun when the ones before it are done with.
    assert_eq!(entries.iter().nth(4).unwrap(), b"7\n");
    let detail = "the gate: no storage space".to_owned();
    assert_eq!(lane.take_losses(), Some(Dropped { reason: "write_failed", count: 3, detail }));
    assert_eq!(lane.take_losses(), None);
    assert_eq!(other.take_losses(), None);
}

#[tokio::test]
async fn nothing_is_taken_after_the_end() {
    let (lane, entries, open) = gate();
    drop(open);
    lane.send(b"1\n".to_vec()).unwrap();
    lane.close().await;
    lane.close().await;
    assert_eq!(lane.send(b"2\n".to_vec()), Err(Refused::Closed));
    assert_eq!(lane.describe(Refused::Closed), "the handler has let go of the gate");
    // The writer is gone.
    assert_eq!(entries.iter().collect::<Vec<_>>(), [b"1\n"]);
}

#[tokio::test]
async fn a_stuck_output_is_let_go_of_when_nobody_waits_for_it() {
    let (lane, entries, open) = gate();
    lane.send(b"1\n".to_vec()).unwrap();
    lane.send(b"2\n".to_vec()).unwrap();
    {
        let close = lane.close();
        tokio::pin!(close);
        tokio::select! {
            biased;
            () = &mut close => panic!("closed although the output is stuck"),
            () = std::future::ready(()) => {}
        }
    }
    open.send(Ok(())).unwrap();
    drop(open);
    assert_eq!(entries.iter().collect::<Vec<_>>(), [b"1\n", b"2\n"]);
}

fn file(path: PathBuf) -> Output {
    Output { target: Target::File(path), rotation: None }
}

#[test]
fn one_file_has_one_writer() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("logs").join("access.log");
    let writers = Writers::default();
    let first = writers.attach(&file(path.clone())).unwrap();
    std::os::unix::fs::symlink(directory.path().join("logs"), directory.path().join("link")).unwrap();
    for path in ["logs/./access.log", "logs/../logs/access.log", "link/access.log"] {
        let same = writers.attach(&file(directory.path().join(path))).unwrap();
        assert!(std::sync::Arc::ptr_eq(first.queue(), same.queue()), "{path}");
    }
    let other = writers.attach(&file(path.with_file_name("other.log"))).unwrap();
    assert!(!std::sync::Arc::ptr_eq(first.queue(), other.queue()));
    assert_eq!(writers.0.lock().len(), 2);
}

#[tokio::test]
async fn a_file_is_opened_again_after_the_last_handler_let_go_of_it() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("access.log");
    let writers = Writers::default();
    for round in 1..=3 {
        let lane = writers.attach(&file(path.clone())).unwrap();
        lane.send(format!("{round}\n").into()).unwrap();
        lane.close().await;
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n2\n3\n");
    assert_eq!(writers.0.lock().len(), 1);
}

#[test]
fn what_cannot_be_opened_is_named() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    let check = |path: &str, cause: &str| {
        let path = directory.path().join(path);
        let error = Writers::default().attach(&file(path.clone())).unwrap_err();
        let expected = format!(
            "{} cannot be opened: {cause}; look at `output_path` and its permissions",
            path.display()
        );
        assert_eq!(error, expected);
    };
    check("", "Is a directory (os error 21)");
    check("file/access.log", "Not a directory (os error 20)");
    check(&"a".repeat(300), "File name too long (os error 36)");
    // A pipe that nobody reads.
    rustix::fs::mknodat(
        rustix::fs::CWD,
        directory.path().join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    check("pipe", "No such device or address (os error 6)");
}
