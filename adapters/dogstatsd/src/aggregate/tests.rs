//! What is left at the end is counted by instances, not by lines.

use mixer_adapter_sdk::delivery::datagram::LineNumber;

use super::{Aggregator, Limits, Value};
use crate::config::{Kind, Metric};
use crate::generated::params::DistributionForm;
use crate::tags::FixedTags;

#[test]
fn what_is_abandoned_is_counted() {
    let metric = Metric {
        head: "a:".to_owned(),
        kind: Kind::Counter,
        form: DistributionForm::Auto,
        tags: FixedTags::default(),
    };
    let aggregator = Aggregator::new(2, Limits { series: 10, line: 100 });
    let number = LineNumber::Integer(7);
    for (index, tags, value) in [
        (0, "x:1", Value::Count(number)),
        (0, "x:1", Value::Count(number)),
        (0, "x:2", Value::Count(number)),
        (1, "", Value::Set("a")),
        (1, "", Value::Set("a")),
    ] {
        assert!(aggregator.record((index, &metric), tags.as_bytes(), value, |_, _, _| ()));
    }
    assert_eq!((aggregator.abandon(), aggregator.abandon()), (5, 0));
}
