//! Whatever an instance holds: its lines can be read back to the same values, and no line breaks the protocol.

use mixer_adapter_sdk::value::Value;
use mixer_adapter_sdk::{Duration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::setup::*;

fn kept(text: &str) -> String {
    let keep = |letter: &char| letter.is_ascii_alphanumeric() || "_-./".contains(*letter);
    text.chars().map(|letter| if keep(&letter) { letter } else { '_' }).collect()
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::Int64),
        any::<f64>().prop_map(Value::Double),
        any::<i64>().prop_map(|nanos| Value::Duration(Duration::from_nanos(nanos))),
        any::<bool>().prop_map(Value::Bool),
        "(?s).{0,40}".prop_map(Value::String),
        "[-+]?[0-9]{1,12}(\\.[0-9]{1,6})?".prop_map(Value::String),
        (0_i64..4_000_000_000)
            .prop_map(|seconds| Value::Timestamp(Timestamp::from_proto(seconds, 7).unwrap())),
        proptest::collection::btree_map(".{0,5}", ".{0,5}", 0..3).prop_map(Value::StringMap),
    ]
}

fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Int64(number) => *number as f64,
        Value::Double(number) => *number,
        Value::Duration(duration) => duration.nanos() as f64 / 1e6,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    Some(number).filter(|number| number.is_finite())
}

/// One line, read by the letter of the protocol: the name, the value, the type.
fn parse(line: &str) -> (&str, &str, &str) {
    let (name, rest) = line.split_once(':').unwrap();
    let (value, kind) = rest.split_once('|').unwrap();
    assert!(!value.contains(':') && ["c", "g", "ms", "s"].contains(&kind), "{line}");
    (name, value, kind)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn lines_read_back(
        metric in prop_oneof![Just("c"), Just("g"), Just("d"), Just("s")],
        value in values(),
        named in values(),
        tags in proptest::collection::btree_map("(?s).{1,12}", values(), 0..4),
    ) {
        prop_assume!(!tags.contains_key("n") && !named.to_string().is_empty());
        let mut dimensions: Vec<_> = tags.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        dimensions.push(("n", named.clone()));
        let kind = match metric {
            "c" => "COUNTER",
            "g" => "GAUGE",
            "d" => "DISTRIBUTION",
            _ => "SET",
        };
        let info = json!({(format!("{metric}.instance.ns")): {"type": kind, "name_template": "x.{{.n}}"}});
        let more = json!({"metrics": info, "graphite_tags": true, "integer_distribution": "AS_TIMING"});
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (lines, refused) = runtime.block_on(lines_of(more, metric, Some(&value), &dimensions));
        let number = number(&value);
        let impossible = match metric {
            "s" => false,
            "d" => number.is_none_or(|number| number < 0.0),
            _ => number.is_none(),
        };
        if impossible {
            prop_assert_eq!((lines.len(), refused.len()), (0, 1));
            return Ok(());
        }
        let below = metric == "g" && number.is_some_and(|number| number < 0.0);
        prop_assert_eq!((lines.len(), refused.len()), (1 + usize::from(below), 0), "{:?}", lines);
        let mut wanted = format!("x.{}", kept(&named.to_string()));
        for (key, value) in &tags {
            if !value.to_string().is_empty() {
                wanted += &format!(";{}={}", kept(key), kept(&value.to_string()));
            }
        }
        let read: Vec<_> = lines.iter().map(|line| parse(line)).collect();
        prop_assert!(read.iter().all(|(name, ..)| *name == wanted), "{lines:?}");
        if below {
            prop_assert_eq!(read[0].1, "0");
        }
        let (_, said, kind) = *read.last().unwrap();
        prop_assert_eq!(kind, if metric == "d" { "ms" } else { metric });
        match (metric, number) {
            ("s", _) => prop_assert_eq!(said, kept(&value.to_string())),
            (_, Some(number)) => {
                let difference = said.parse::<f64>().unwrap() - number;
                prop_assert!(difference.abs() <= number.abs() * 1e-15, "{said} {number}");
            }
            (_, None) => unreachable!(),
        }
    }
}
