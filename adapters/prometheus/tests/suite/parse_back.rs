//! Whatever the label values are, the exposition reads back as what was reported.

use std::collections::BTreeMap;

use mixer_prometheus_adapter::Format;
use proptest::prelude::*;

use super::support::*;

type Labels = BTreeMap<String, String>;

/// Reads the lines of an exposition: TYPE by family, and samples by name and labels.
fn parse(exposition: &str) -> (BTreeMap<String, String>, BTreeMap<(String, Labels), f64>) {
    let (mut types, mut samples) = (BTreeMap::new(), BTreeMap::new());
    for line in exposition.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} has two TYPE lines");
        } else if !line.starts_with('#') {
            let (name, labels, value) = parse_sample(line);
            let value = value.replace("+Inf", "inf").parse().unwrap();
            assert!(samples.insert((name, labels), value).is_none(), "{line} is there twice");
        }
    }
    (types, samples)
}

fn parse_sample(line: &str) -> (String, Labels, String) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, rest) = line.split_at(end);
    let mut labels = Labels::new();
    let Some(mut rest) = rest.strip_prefix('{') else {
        return (name.to_owned(), labels, rest.trim_start().to_owned());
    };
    loop {
        if let Some(value) = rest.strip_prefix("} ") {
            return (name.to_owned(), labels, value.to_owned());
        }
        let (label, value) = rest.split_once("=\"").unwrap();
        let mut chars = value.char_indices();
        let mut text = String::new();
        let end = loop {
            match chars.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => text.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    other @ ('\\' | '"') => other,
                    other => panic!("\\{other} is no escape"),
                }),
                (_, other) => text.push(other),
            }
        };
        labels.insert(label.to_owned(), text);
        let behind = &value[end + 1..];
        rest = behind.strip_prefix(',').unwrap_or(behind);
    }
}

fn any_labels() -> impl Strategy<Value = [String; 2]> {
    // Line breaks other than \n are plain characters, also for those who read lines.
    let hard = "[\\\\\"\n{},= a\u{e9}\u{1f600}]{0,6}";
    let plain = ".{0,6}".prop_filter("str::lines reads \\r\\n as a line break", |text| !text.contains('\r'));
    let one = || prop_oneof![hard.prop_map(String::from), plain.clone()];
    [one(), one()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_exposition_reads_back(
        reports in proptest::collection::vec((any_labels(), 0u32..1000), 1..12),
        help in ".{0,20}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let adapter = adapter();
        runtime.block_on(async {
            let metrics = params(&[
                MetricInfo { description: help, ..metric("c_total", Kind::Counter, &["x", "y"]) },
                MetricInfo { buckets: explicit(&[1.0, 100.0]), ..metric("h", Kind::Distribution, &["x", "y"]) },
            ]);
            let handler = build(&adapter, "h", &metrics).await.unwrap();
            let mut expected: BTreeMap<[String; 2], (f64, f64)> = BTreeMap::new();
            for ([x, y], number) in &reports {
                let dimensions = [("x", text(x)), ("y", text(y))];
                report(&*handler, "c_total", Value::Int64Value((*number).into()), &dimensions).await;
                report(&*handler, "h", Value::Int64Value((*number).into()), &dimensions).await;
                let (sum, count) = expected.entry([x.clone(), y.clone()]).or_default();
                *sum += f64::from(*number);
                *count += 1.0;
            }
            for format in [Format::Text, Format::OpenMetrics] {
                let (types, samples) = parse(&adapter.render(format));
                let counter = if format == Format::Text { "t_c_total" } else { "t_c" };
                assert_eq!(types[counter], "counter");
                assert_eq!(types["t_h"], "histogram");
                assert_eq!(samples.len(), expected.len() * 6, "1 counter, 3 buckets, sum and count");
                for ([x, y], (sum, count)) in &expected {
                    let mut labels =
                        Labels::from([("x".to_owned(), x.clone()), ("y".to_owned(), y.clone())]);
                    let sample = |name: &str, labels: &Labels| samples[&(name.to_owned(), labels.clone())];
                    assert_eq!(sample("t_c_total", &labels), *sum);
                    assert_eq!(sample("t_h_sum", &labels), *sum);
                    assert_eq!(sample("t_h_count", &labels), *count);
                    labels.insert("le".to_owned(), "+Inf".to_owned());
                    assert_eq!(sample("t_h_bucket", &labels), *count);
                }
            }
        });
    }
}
