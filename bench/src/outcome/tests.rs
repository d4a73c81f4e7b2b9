//! Tables of given numbers.

use super::*;

fn spread_of(median: f64) -> Spread {
    Spread { median, min: median - 0.25, max: median + 0.25 }
}

fn row(workload: &str, ratio: f64, target: Option<f64>, original: Option<f64>) -> Row {
    let processes = if workload == "slow" { 2 } else { 1 };
    Row {
        workload: workload.to_owned(),
        reference_name: "echo of one bag".to_owned(),
        ours: spread_of(ratio * 40.0),
        ours_by_process: [ratio * 30.0, ratio * 10.0].map(spread_of)[..processes].to_vec(),
        reference: spread_of(40.0),
        ratio: spread_of(ratio),
        target,
        calls_per_second: 12_345.6,
        original: original.map(spread_of),
    }
}

fn outcome() -> Outcome {
    Outcome {
        rows: vec![
            row("fast", 1.5, Some(1.6), Some(200.0)),
            row("slow", 2.0, Some(1.6), None),
            row("free", 3.0, None, None),
        ],
        figures: vec![Figure { name: "resident memory".into(), value: 3.94, unit: "MiB", target: None }],
    }
}

#[test]
fn the_table_says_what_was_reached() {
    let expected = "\
workload  ours µs/bag          reference µs/bag  ratio             target  verdict              calls/s  original µs/bag      compared with
fast      60.0 (59.8–60.2)     40.0 (39.8–40.2)  1.50 (1.25–1.75)  ≤ 1.60  reached              12346    200.0 (199.8–200.2)  echo of one bag
slow      80.0 (79.8–80.2) = 60.0 + 20.0     40.0 (39.8–40.2)  2.00 (1.75–2.25)  ≤ 1.60  missed by 0.40 (25 %)  12346    –                    echo of one bag
free      120.0 (119.8–120.2)  40.0 (39.8–40.2)  3.00 (2.75–3.25)  –       –                    12346    –                    echo of one bag

figure           value    target  verdict
resident memory  3.9 MiB  –       –
";
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let table = outcome().table();
    assert_eq!(squeeze(&table), squeeze(expected), "{table}");
    let starts = |column: &str| table.lines().next().unwrap().find(column).unwrap();
    let verdict = table.lines().nth(1).unwrap().chars().skip(starts("verdict") - 2).collect::<String>();
    assert!(verdict.starts_with("reached"), "columns are aligned:\n{table}");
}

#[test]
fn nothing_measured_is_an_empty_table() {
    assert_eq!(Outcome::default().table(), "");
    let figures = Outcome { rows: Vec::new(), ..outcome() };
    assert!(figures.table().starts_with("figure"));
}

#[test]
fn json_has_the_same_numbers() {
    let json = serde_json::to_value(outcome()).unwrap();
    assert_eq!(json["rows"][0]["workload"], "fast");
    assert_eq!(json["rows"][0]["ratio"]["median"], 1.5);
    assert_eq!(json["rows"][0]["original"]["median"], 200.0);
    assert_eq!(json["rows"][1]["original"], serde_json::Value::Null);
    assert_eq!(json["figures"][0]["value"], 3.94);
}

#[test]
fn a_ratio_that_is_no_number_misses_its_target() {
    assert!(verdict(f64::NAN, Some(1.6)).starts_with("missed"));
}
