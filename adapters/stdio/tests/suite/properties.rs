//! Whatever the values are, a JSON line can be read back and holds them.

use std::collections::BTreeMap;

use mixer_adapter_sdk::{Duration, Timestamp};
use proptest::prelude::*;
use serde_json::value::RawValue;

use crate::generated::Params;
use crate::setup::{Kind, Place, duration, ip, log_entry, map, report, string, timestamp, written};

/// A value, and what a reader of the line finds: text, or the bare word.
#[derive(Clone, Debug)]
enum Found {
    Text(String),
    Int(i64),
    Double(f64),
    Bool(bool),
}

fn values() -> impl Strategy<Value = (Kind, Found)> {
    let text = any::<String>().prop_map(|text| (string(&text), Found::Text(text)));
    let int = any::<i64>().prop_map(|number| (Kind::Int64Value(number), Found::Int(number)));
    let double = any::<f64>().prop_map(|number| (Kind::DoubleValue(number), Found::Double(number)));
    let truth = any::<bool>().prop_map(|truth| (Kind::BoolValue(truth), Found::Bool(truth)));
    let address = any::<[u8; 4]>()
        .prop_map(|bytes| (ip(&bytes), Found::Text(std::net::Ipv4Addr::from(bytes).to_string())));
    let span = any::<i64>().prop_map(|nanos| {
        let span = Duration::from_nanos(nanos);
        (duration(span), Found::Text(span.to_string()))
    });
    let time = (0..4_000_000_000_i64, 0..1_000_000_000_i32).prop_map(|(seconds, nanos)| {
        let time = Timestamp::from_proto(seconds, nanos).unwrap();
        (timestamp(time), Found::Text(time.to_micros_text()))
    });
    let entry = any::<(String, String)>().prop_map(|(key, value)| {
        let text = format!("stringmap[{key}:{value}]");
        (map(&[(&key, &value)]), Found::Text(text))
    });
    prop_oneof![text, int, double, truth, address, span, time, entry]
}

fn check(json: &RawValue, found: &Found) {
    let json = json.get();
    match found {
        Found::Text(text) => assert_eq!(&serde_json::from_str::<String>(json).unwrap(), text),
        Found::Int(number) => assert_eq!(json, number.to_string()),
        // Not by a reader of JSON, which may round.
        Found::Double(number) if number.is_finite() => {
            assert_eq!(json.parse::<f64>().unwrap().to_bits(), number.to_bits());
        }
        Found::Double(_) => assert!(["\"NaN\"", "\"+Inf\"", "\"-Inf\""].contains(&json), "{json}"),
        Found::Bool(truth) => assert_eq!(json, truth.to_string()),
    }
}

type Entry = BTreeMap<String, (Kind, Found)>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn lines_hold_what_went_in(
        // Names that start with a letter of these are the line's own.
        entries in prop::collection::vec(prop::collection::btree_map("[^lti]\\PC{0,8}", values(), 0..8), 1..8),
        as_json: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let text = runtime.block_on(async {
            let place = Place::new();
            let params = Params { output_as_json: Some(as_json), ..place.params() };
            let instances = entries.iter().map(|entry: &Entry| {
                let variables: Vec<_> =
                    entry.iter().map(|(name, (kind, _))| (name.as_str(), kind.clone())).collect();
                log_entry("warn", None, &variables)
            });
            written(&params, &place, report("logentry", instances)).await.0
        });
        let lines: Vec<_> = text.split_terminator('\n').collect();
        prop_assert_eq!(lines.len(), entries.len());
        for (line, entry) in lines.into_iter().zip(&entries) {
            let object = if as_json { line } else { line.splitn(4, '\t').nth(3).unwrap_or("{}") };
            let mut object: BTreeMap<String, Box<RawValue>> = serde_json::from_str(object).unwrap();
            if as_json {
                let own = ["level", "time", "instance"].map(|name| object.remove(name).unwrap().get().to_owned());
                prop_assert_eq!(
                    own,
                    ["\"warn\"", "\"0001-01-01T00:00:00.000000Z\"", "\"acc.instance.istio-system\""]
                );
            }
            prop_assert!(object.keys().eq(entry.keys()), "{}", line);
            for (name, (_, found)) in entry {
                check(&object[name], found);
            }
        }
    }
}
