//! One line in an interval, and no event is forgotten.

use std::time::Duration;

use super::RateLimitedLog;

#[tokio::test(start_paused = true)]
async fn one_line_in_an_interval_and_the_rest_counted() {
    let log = RateLimitedLog::new(Duration::from_secs(10));
    assert_eq!(log.permit(), Some(0));
    for _ in 0..7 {
        assert_eq!(log.permit(), None);
    }
    tokio::time::advance(Duration::from_millis(9_999)).await;
    assert_eq!(log.permit(), None);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(log.permit(), Some(8));
    assert_eq!(log.permit(), None);
}
