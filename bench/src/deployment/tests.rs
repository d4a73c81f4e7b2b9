//! What is read from an exposition.

use super::*;

const EXPOSITION: &str = "\
# HELP istio_requests_total istio_requests_total
# TYPE istio_requests_total counter
istio_requests_total{response_code=\"200\"} 95
istio_requests_total{response_code=\"503\"} 5
istio_request_duration_seconds_bucket{le=\"+Inf\"} 100
istio_request_duration_seconds_sum{} 7.5
istio_request_duration_seconds_count{} 100
";

#[test]
fn bags_are_counted() {
    let counted = Counted::of(EXPOSITION);
    assert_eq!(counted, Counted { requests: 100.0, durations: 100.0, series: 2 });
    counted.expect(100).unwrap();
    assert!(counted.expect(101).unwrap_err().to_string().contains("101 bags were answered"));
    assert!(Counted { durations: 99.0, ..counted }.expect(100).is_err());
}
