//! Prometheus's own checker has nothing to say about the exposition.

use std::io::Write as _;
use std::process::{Command, Stdio};

use mixer_harness::real_program;
use mixer_prometheus_adapter::Format;

use super::support::*;

#[tokio::test]
async fn the_checker_of_prometheus_finds_nothing() {
    let Some(promtool) = real_program("MIXER_PROMTOOL").unwrap() else {
        println!("skipped: run `cargo xtask test`, which installs promtool");
        return;
    };
    let adapter = adapter();
    let described = |name, kind, labels| MetricInfo {
        description: "Text with \\ and \"quotes\"\nin two lines.".into(),
        ..metric(name, kind, labels)
    };
    let metrics = [
        described("requests_total", Kind::Counter, &["path", "app"]),
        described("temperature_celsius", Kind::Gauge, &[]),
        MetricInfo {
            buckets: explicit(&[0.1, 1.0]),
            ..described("request_duration_seconds", Kind::Distribution, &["app"])
        },
    ];
    let handler = build(&adapter, "h", &params(&metrics)).await.unwrap();
    for app in ["a", "\\ \"b\"\nc", "grüße 😀\t", ""] {
        let dimensions = [("path", text("/")), ("app", text(app))];
        report(&*handler, "requests_total", Value::Int64Value(3), &dimensions).await;
        report(&*handler, "request_duration_seconds", Value::DoubleValue(0.5), &dimensions[1..]).await;
    }
    for value in [f64::INFINITY, f64::NAN, -1e-300] {
        report(&*handler, "temperature_celsius", Value::DoubleValue(value), &[]).await;
    }
    let exposition = adapter.render(Format::Text);
    let mut check = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(exposition.as_bytes()).unwrap();
    let output = check.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{said}\n{exposition}");
}
