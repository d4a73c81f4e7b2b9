//! The file is there exactly while the server is well, and its age is what a probe looks at.

use super::*;
use crate::readiness::Readiness;

fn file(directory: &tempfile::TempDir) -> ProbeFile {
    ProbeFile { path: directory.path().join("ready"), interval: Duration::from_secs(2) }
}

/// Lets the keeper run until it waits for time or a change.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_file_is_there_while_the_server_is_well() {
    let directory = tempfile::tempdir().unwrap();
    let file = file(&directory);
    let readiness = Readiness::new();
    let guard = readiness.wait_for("config");
    let keeper = tokio::spawn(file.clone().keep(readiness.subscribe()));
    settle().await;
    assert!(matches!(file.check(SystemTime::now()), Err(ProbeError::File { .. })));
    drop(guard);
    settle().await;
    file.check(SystemTime::now()).unwrap();
    fs::remove_file(&file.path).unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    settle().await;
    file.check(SystemTime::now()).expect("made again after half the interval");
    readiness.drain();
    settle().await;
    assert!(!file.path.exists());
    keeper.abort();
}

#[tokio::test(start_paused = true)]
async fn the_file_goes_with_its_keeper() {
    let directory = tempfile::tempdir().unwrap();
    let file = file(&directory);
    let readiness = Readiness::new();
    let keeper = tokio::spawn(file.clone().keep(readiness.subscribe()));
    settle().await;
    assert!(file.path.exists());
    keeper.abort();
    assert!(keeper.await.unwrap_err().is_cancelled());
    assert!(!file.path.exists());
}

#[test]
fn age_decides() {
    let directory = tempfile::tempdir().unwrap();
    let file = file(&directory);
    file.touch().unwrap();
    let modified = fs::metadata(&file.path).unwrap().modified().unwrap();
    let after = |millis| file.check(modified + Duration::from_millis(millis));
    after(0).unwrap();
    after(2010).unwrap();
    assert!(matches!(after(2011), Err(ProbeError::TooOld { .. })));
    file.check(modified - Duration::from_secs(5)).expect("a clock that was set back is no failure");
}
