//! When Mixer sends nothing for a while the log says so and what to look at, and a metric tells for how long.

use mixer_testkit::FakeNewRelic;
use serde_json::json;

use crate::program::{PATIENCE, Program, request};
use crate::support::{KEY, key_file, params};

/// The value of a metric without labels.
async fn metric(program: &Program, name: &str) -> f64 {
    let page = program.get("/metrics").await;
    let line = page.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
}

#[tokio::test]
async fn a_warning_and_a_metric() {
    let directory = tempfile::tempdir().unwrap();
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    let params = params(&fake, &json!({"api_key_file": key_file(&directory, KEY)}));
    let mut program = Program::start(&["--quietWarning=1s"], &[]).await;
    let line = program.line("no call has arrived").await;
    assert_eq!((&line["level"], &line["calls_so_far"]), (&json!("WARN"), &json!(0)));
    assert!(line["message"].as_str().unwrap().contains("rule whose match holds"), "{line}");
    assert!(metric(&program, "mixer_adapter_quiet_warnings").await >= 1.0);
    assert_eq!(metric(&program, "mixer_adapter_last_call_timestamp_seconds").await, 0.0);

    program.client().await.handle_metric(request(&params, 1, &[])).await.unwrap();
    program.line("calls arrive again").await;
    let looking = async {
        while metric(&program, "mixer_adapter_last_call_timestamp_seconds").await == 0.0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap();
    let line = program.line("no call has arrived").await;
    assert_eq!(line["calls_so_far"], json!(1), "and again when it stops");
    program.stop().await;
}

/// A handler that names no metric would drop everything: that is told when it is built.
#[tokio::test]
async fn an_empty_map_of_metrics_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    let params = params(&fake, &json!({"api_key_file": key_file(&directory, KEY), "metrics": {}}));
    let mut program = Program::start(&[], &[]).await;
    program.client().await.handle_metric(request(&params, 1, &[])).await.unwrap();
    assert_eq!(program.line("`metrics` is empty").await["level"], "WARN");
    let page = program.get("/metrics").await;
    let counted = r#"mixer_adapter_instances_dropped_total{reason="unknown_instance",template="metric"} 1"#;
    assert!(page.contains(counted), "{page}");
    program.stop().await;
}
