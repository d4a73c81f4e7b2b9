//! Work goes on wherever it has to, and whoever drains waits for it.

use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::Finished;

#[tokio::test]
async fn who_waits_gets_the_outcome() {
    let tracker = TaskTracker::new();
    assert_eq!(Finished::new(tracker.clone(), async { 7 }).await, 7);
    assert!(tracker.is_empty());
}

#[tokio::test]
async fn work_goes_on_when_nobody_waits() {
    // Dropped before it began, and while it waits.
    for polled in [false, true] {
        let tracker = TaskTracker::new();
        let (go, gone) = oneshot::channel::<()>();
        let (done, outcome) = oneshot::channel();
        let mut work = Box::pin(Finished::new(tracker.clone(), async move {
            gone.await.unwrap();
            done.send(7).unwrap();
        }));
        if polled {
            assert!(futures::poll!(work.as_mut()).is_pending());
        }
        assert_eq!(tracker.len(), 1);
        drop(work);
        assert_eq!(tracker.len(), 1, "a drain waits for it");
        go.send(()).unwrap();
        assert_eq!(outcome.await, Ok(7));
        tracker.close();
        tracker.wait().await;
    }
}

#[test]
fn without_a_runtime_there_is_no_panic() {
    drop(Finished::new(TaskTracker::new(), std::future::pending::<()>()));
}
