//! How the results of several handlers for one quota become one.

use std::time::Duration;

use mixer_adapter_api::{QuotaResult, Status, code};

use super::Merge;

fn grant(amount: i64) -> QuotaResult {
    QuotaResult { status: Status::ok(), valid_duration: Duration::from_secs(5), amount }
}

fn refusal(message: &str) -> QuotaResult {
    let status = Status::new(code::RESOURCE_EXHAUSTED, message);
    QuotaResult { status, valid_duration: Duration::ZERO, amount: 0 }
}

#[test]
fn the_first_result_that_says_anything_counts() {
    let nothing = QuotaResult::default();
    // Results; what each addition returns; amount and status message of the whole.
    let cases = [
        (vec![grant(3)], vec![true], 3, ""),
        (vec![grant(3), grant(1)], vec![true, false], 3, ""),
        (vec![nothing.clone(), grant(1)], vec![true, true], 1, ""),
        (vec![grant(3), refusal("full")], vec![true, false], 3, "b.ns:full"),
        (vec![refusal("full"), grant(3)], vec![true, false], 0, "a.ns:full"),
        (vec![refusal("full"), refusal("too")], vec![true, false], 0, "a.ns:full, b.ns:too"),
        (vec![nothing], vec![true], 0, ""),
    ];
    for (results, used, amount, message) in cases {
        let mut merge = Merge::default();
        let added: Vec<bool> = ["a.ns", "b.ns"]
            .into_iter()
            .zip(results.clone())
            .map(|(handler, result)| merge.add(handler, result))
            .collect();
        assert_eq!(added, used, "{results:?}");
        let whole = merge.finish().unwrap();
        assert_eq!((whole.amount, whole.status.message.as_str()), (amount, message), "{results:?}");
        assert_eq!(whole.status.is_ok(), message.is_empty());
    }
    assert_eq!(Merge::default().finish(), None);
}
