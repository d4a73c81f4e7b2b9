//! Whatever an instance holds: its lines can be read back to the same values, and no line breaks the protocol.

use mixer_adapter_sdk::value::Value;
use mixer_adapter_sdk::{Duration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::setup::*;

/// A line of a metric, read by the letter of the protocol.
#[derive(Debug, PartialEq)]
struct Line<'a> {
    name: &'a str,
    values: Vec<&'a str>,
    kind: &'a str,
    tags: Vec<&'a str>,
}

fn parse(line: &str) -> Line<'_> {
    let mut fields = line.split('|');
    let mut values = fields.next().unwrap().split(':');
    let name = values.next().unwrap();
    let kind = fields.next().unwrap();
    let mut tags = Vec::new();
    for field in fields {
        match field.as_bytes() {
            [b'#', ..] if tags.is_empty() => tags = field[1..].split(',').collect(),
            [b'c', b':', ..] | [b'e', b':', ..] => {}
            _ => panic!("{field:?} in {line:?}"),
        }
    }
    Line { name, values: values.collect(), kind, tags }
}

/// What Datadog's client leaves of a text, and the limit of a tag.
fn kept(text: &str) -> String {
    let keep = |letter: &char| letter.is_alphanumeric() || "_-:/.".contains(*letter);
    text.chars().map(|letter| if keep(&letter) { letter } else { '_' }).collect()
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::Int64),
        any::<f64>().prop_map(Value::Double),
        any::<i64>().prop_map(|nanos| Value::Duration(Duration::from_nanos(nanos))),
        any::<bool>().prop_map(Value::Bool),
        ".{0,40}".prop_map(Value::String),
        "[-+]?[0-9]{1,12}(\\.[0-9]{1,6})?".prop_map(Value::String),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| Value::Ip(bytes.into())),
        (0_i64..4_000_000_000)
            .prop_map(|seconds| Value::Timestamp(Timestamp::from_proto(seconds, 7).unwrap())),
        proptest::collection::btree_map(".{0,5}", ".{0,5}", 0..3).prop_map(Value::StringMap),
    ]
}

/// The number that a value should arrive as.
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

/// Milliseconds with a fraction of at most six digits.
fn nanos(text: &str) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert!(fraction.len() <= 6, "{text}");
    format!("{whole}{fraction:0<6}").parse().unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn metrics(
        metric in prop_oneof![Just("c"), Just("g"), Just("d"), Just("s")],
        value in values(),
        tags in proptest::collection::btree_map("(?s).{1,12}", values(), 0..4),
        aggregation in prop_oneof![Just("NONE"), Just("BASIC"), Just("EXTENDED")],
    ) {
        let dimensions: Vec<_> = tags.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        let more = json!({"aggregation": aggregation, "container_id": "ci-1", "external_data": "x"});
        let (lines, refused) = run(lines_of(more, metric, Some(&value), &dimensions));
        let number = number(&value);
        if metric != "s" && number.is_none() {
            prop_assert_eq!((lines.len(), refused.len()), (0, 1));
            return Ok(());
        }
        prop_assert_eq!((lines.len(), refused.len()), (1, 0), "{:?}", lines);
        prop_assert!(lines[0].len() < 8192 && !lines[0].contains(['\n', '\r']));
        let line = parse(&lines[0]);
        prop_assert_eq!(line.name, format!("istio.{metric}"));
        if metric == "s" {
            prop_assert_eq!(line.values.join(":"), kept(&value.to_string()));
        } else {
            let [read] = line.values[..] else { panic!("{line:?}") };
            match &value {
                Value::Int64(number) => prop_assert_eq!(read.parse(), Ok(*number)),
                Value::Duration(duration) => prop_assert_eq!(nanos(read), i128::from(duration.nanos())),
                _ => prop_assert_eq!(read.parse::<f64>().unwrap(), number.unwrap()),
            }
        }
        let kind = match (metric, &value) {
            ("d", Value::Duration(_)) => "ms",
            ("d", _) => "h",
            (other, _) => other,
        };
        prop_assert_eq!(line.kind, kind);
        let wanted: Vec<String> = tags
            .iter()
            .map(|(key, value)| format!("{}:{}", kept(key).replace(':', "_"), kept(&value.to_string())))
            .map(|tag| tag.chars().take(200).collect())
            .collect();
        prop_assert_eq!(line.tags, wanted);
    }

    #[test]
    fn events(
        title in "(?s).{0,30}",
        body in "(?s).{0,30}",
        host in "(?s).{0,10}",
        seconds in proptest::option::of(-5_i64..4_000_000_000),
    ) {
        let info = json!({"title": "{{.title}}", "text": "{{.body}}", "hostname": "{{.host}}"});
        let variables = [("title", text(&title)), ("body", text(&body)), ("host", text(&host))];
        let time = seconds.and_then(|seconds| Timestamp::from_proto(seconds, 0));
        let found = run(async {
            let agent = Agent::new();
            let handler = build(&agent.params(json!({"events": {"log.instance.ns": info}}))).await;
            let entry = log_entry("", time, &variables);
            report(&*handler, "logentry", vec![("log.instance.ns", entry)]).await;
            handler.close().await;
            agent.lines()
        });
        if title.is_empty() {
            prop_assert_eq!(found.len(), 0);
            return Ok(());
        }
        prop_assert_eq!(found.len(), 1, "{:?}", found);
        let (lengths, rest) = found[0].strip_prefix("_e{").unwrap().split_once("}:").unwrap();
        let (title_length, text_length) = lengths.split_once(',').unwrap();
        let (title_read, rest) = rest.split_at(title_length.parse().unwrap());
        let (text_read, rest) = rest.strip_prefix('|').unwrap().split_at(text_length.parse().unwrap());
        let plain = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
        let unescaped = |text: &str| text.replace("\\n", "\n");
        prop_assert_eq!(unescaped(title_read), unescaped(&plain(&title)));
        prop_assert_eq!(unescaped(text_read), unescaped(&plain(&body)));
        let mut wanted = Vec::new();
        if let Some(seconds @ 1..) = seconds {
            wanted.push(format!("d:{seconds}"));
        }
        let fits = |letter: char| letter != '|' && !letter.is_control();
        let host: String = host.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect();
        if !host.is_empty() {
            wanted.push(format!("h:{host}"));
        }
        wanted.push("t:info".to_owned());
        prop_assert_eq!(rest.strip_prefix('|').unwrap().split('|').collect::<Vec<_>>(), wanted);
    }
}
