//! Lines reach standard output and standard error, each where it belongs.

use std::process::{Command, Stdio};

use crate::generated::Params;
use crate::generated::params::Stream;
use crate::setup::{build, log_entry, report, string};

/// Set in the process whose streams are looked at, which runs the same test.
const CHILD: &str = "STDIO_ADAPTER_TEST_CHILD";

const LINES: usize = 5_000;

async fn write() {
    let adapter = mixer_stdio_adapter::adapter();
    for stream in [Stream::Stdout, Stream::Stderr, Stream::Stdout] {
        let handler = build(&adapter, &Params { log_stream: stream.into(), ..Default::default() }).await;
        let line = log_entry("", None, &[("stream", string(stream.as_str_name()))]);
        handler.report(report("logentry", vec![line; LINES])).await.unwrap();
        handler.close().await;
    }
}

#[tokio::test]
async fn lines_are_written_to_the_stream_that_is_configured() {
    if std::env::var_os(CHILD).is_some() {
        return write().await;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "standard_streams::lines_are_written_to_the_stream_that_is_configured"])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let count = |bytes: Vec<u8>, stream: &str| {
        let text = String::from_utf8(bytes).unwrap();
        let line = format!(
            "{{\"level\":\"info\",\"time\":\"0001-01-01T00:00:00.000000Z\",\"instance\":\"acc.instance.istio-system\",\"stream\":\"{stream}\"}}"
        );
        // The test runner may leave its own line without an end before ours.
        text.lines().filter(|found| found.ends_with(&line)).count()
    };
    assert_eq!(count(child.stdout, "STDOUT"), 2 * LINES);
    assert_eq!(count(child.stderr, "STDERR"), LINES);
}
