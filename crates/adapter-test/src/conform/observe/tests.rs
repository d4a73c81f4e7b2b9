//! What a dry run may write for a value, and what is another value.

use serde_json::json;

use super::agrees;
use crate::conform::sample::Sent;

#[test]
fn shown_and_sent() {
    let duration = || Sent::Duration(61, 500_000_001);
    let time = || Sent::Timestamp(1, 20);
    let cases = [
        (json!("x"), Sent::Text("x".into()), true),
        (json!({"stringValue": "x"}), Sent::Text("x".into()), true),
        (json!({"x": "x"}), Sent::Text("x".into()), false),
        (json!(5), Sent::Int(5), true),
        (json!("5"), Sent::Int(5), true),
        (json!(5.5), Sent::Int(5), false),
        (json!(1.5), Sent::Double(1.5), true),
        (json!(true), Sent::Bool(true), true),
        (json!("true"), Sent::Bool(true), false),
        (json!("1m1.500000001s"), duration(), true),
        (json!("61.500000001s"), duration(), true),
        (json!({"durationValue": {"value": "61.500000001s"}}), duration(), true),
        (json!(61.500000001), duration(), true),
        (json!("61s"), duration(), false),
        (json!(61.5), duration(), false),
        (json!("1970-01-01T00:00:01.00000002Z"), time(), true),
        (json!("1970-01-01T00:00:01Z"), time(), false),
        (json!("10.0.0.1"), Sent::Ip([10, 0, 0, 1]), true),
        (json!("::ffff:10.0.0.1"), Sent::Ip([10, 0, 0, 1]), true),
        (json!(null), Sent::Ip([10, 0, 0, 1]), false),
    ];
    for (shown, sent, agree) in cases {
        assert_eq!(agrees(&shown, &sent), agree, "{shown} {sent:?}");
    }
}
