//! Flags that cannot be used, flags without effect, help and version.

use crate::fake::{Answer, run, run_alone};

#[track_caller]
fn refused(args: &[&str], message: &str) {
    let run = run_alone(args);
    assert_eq!((run.stdout.as_str(), run.stderr.trim_end(), run.code), ("", message, 1), "{args:?}");
}

#[test]
fn mistakes_are_named_before_anything_is_called() {
    refused(
        &["check", "-s", "a"],
        "attribute value a does not include an = sign (in --string_attributes; write name=value)",
    );
    refused(
        &["report", "-a", "a=1", "-i", "a=2"],
        "attribute a is given twice, in --int64_attributes and in --attributes; give it once",
    );
    refused(
        &["check", "-q", "a"],
        "Quota definition a does not include an = sign (in --quotas; write name=amount)",
    );
    refused(
        &["check", "-q", "a=1,=2"],
        "Quota definition =2 does not contain a valid name (in --quotas; write name=amount)",
    );
    refused(
        &["check", "-q", "a=x"],
        "Unable to parse quota value x of a in --quotas: \"x\" is not a decimal 64-bit integer",
    );
    refused(&["check", "-q", "a=1,a=2"], "quota a is given twice in --quotas; give it once");
    refused(&["check", "-c", "0"], "concurrency has to be at least 1");
    refused(&["report", "--report_batch_size", "0"], "report_batch_size has to be at least 1");
    refused(&["check", "-c", "9223372036854775807"], "concurrency has to be at most 65536");
    refused(
        &["report", "--report_batch_size", "9223372036854775807", "--duration", "1s"],
        "report_batch_size has to be at most 65536",
    );
    refused(&["report", "--duration", "-1s"], "duration has to be longer than 0s and is -1s");
    refused(&["report", "--timeout", "0s"], "timeout has to be longer than 0s and is 0s");
    refused(
        &["report", "-m", "localhost"],
        "Unable to establish connection to localhost: write host:port or unix:///path",
    );
}

#[test]
fn unknown_flags_and_commands() {
    for args in [&["check", "--frob"][..], &["frob"], &["report", "extra"], &[]] {
        let run = run_alone(args);
        assert!(run.stdout.is_empty() && run.stderr.contains("Usage: mixc") && run.code == 1, "{run:?}");
    }
}

#[tokio::test]
async fn tracing_flags_have_no_effect_and_say_so() {
    let run = run(
        Answer::Bytes(b""),
        &["report", "--trace_zipkin_url", "http://z", "--trace_log_spans", "--trace_sampling_rate=0.5"],
    )
    .await;
    let warning = "\
warning: --trace_zipkin_url, --trace_log_spans, --trace_sampling_rate: without effect, mixc sends no trace spans
";
    assert_eq!(
        (run.stdout.as_str(), run.stderr.as_str(), run.code),
        ("Report RPC returned OK\n", warning, 0)
    );
}

#[test]
fn help_and_version() {
    let help = run_alone(&["check", "--help"]);
    for flag in ["--string_attributes", "--report_batch_size", "--print_response", "--quotas"] {
        assert!(help.stdout.contains(flag) && help.code == 0, "{help:?}");
    }
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(run_alone(&["version", "-s"]).stdout, format!("{version}\n"));
    assert!(run_alone(&["version"]).stdout.starts_with(&format!("mixc {version} (")));
}
