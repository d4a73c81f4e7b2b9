//! Which level a line has, and which lines are written.

use crate::generated::Params;
use crate::generated::params::Level;
use crate::setup::{Place, log_entry, metric, report, written};

/// The level of the line that a log entry of this severity makes; empty when it is not written.
async fn level_of(severity: &str, params: Params) -> String {
    let place = Place::new();
    let params = Params { output_as_json: Some(false), ..merge(params, &place) };
    let (text, _) = written(&params, &place, report("logentry", [log_entry(severity, None, &[])])).await;
    text.split('\t').nth(1).unwrap_or_default().to_owned()
}

async fn level_of_metric(params: Params) -> String {
    let place = Place::new();
    let params = Params { output_as_json: Some(false), ..merge(params, &place) };
    let (text, _) = written(&params, &place, report("metric", [metric(None, &[])])).await;
    text.split('\t').nth(1).unwrap_or_default().to_owned()
}

fn merge(params: Params, place: &Place) -> Params {
    let Params { log_stream, output_path, .. } = place.params();
    Params { log_stream, output_path, ..params }
}

#[tokio::test]
async fn the_usual_words_are_known() {
    for (words, expected) in [
        (&["INFORMATIONAL", "informational", "INFO", "info"][..], "info"),
        (&["WARNING", "warning", "WARN", "warn"], "warn"),
        (&["ERROR", "error", "ERR", "err", "FATAL", "fatal"], "error"),
        (&["", "Default", "Error", "debug"], "info"),
    ] {
        for word in words {
            assert_eq!(level_of(word, Params::default()).await, expected, "{word}");
        }
    }
}

#[tokio::test]
async fn words_that_are_given_replace_all_others() {
    let words = [("low", Level::Info), ("mid", Level::Warning), ("high", Level::Error)];
    let severity_levels = words.map(|(word, level)| (word.to_owned(), level.into())).into();
    let params = Params { severity_levels, ..Default::default() };
    for (word, expected) in [("low", "info"), ("mid", "warn"), ("high", "error"), ("error", "info")] {
        assert_eq!(level_of(word, params.clone()).await, expected, "{word}");
    }
}

#[tokio::test]
async fn metrics_have_a_level_of_their_own() {
    for (level, expected) in [(Level::Info, "info"), (Level::Warning, "warn"), (Level::Error, "error")] {
        let params = Params { metric_level: level.into(), ..Default::default() };
        assert_eq!(level_of_metric(params).await, expected);
    }
}

#[tokio::test]
async fn lines_below_the_output_level_are_not_written() {
    let levels = [Level::Info, Level::Warning, Level::Error];
    for least in levels {
        for (level, (severity, word)) in
            levels.into_iter().zip([("info", "info"), ("warning", "warn"), ("fatal", "error")])
        {
            let expected = if level >= least { word } else { "" };
            let params = Params { output_level: least.into(), ..Default::default() };
            assert_eq!(level_of(severity, params.clone()).await, expected, "{severity} at {least:?}");
            let params = Params { metric_level: level.into(), ..params };
            assert_eq!(level_of_metric(params).await, expected, "{level:?} at {least:?}");
        }
    }
}

#[tokio::test]
async fn what_is_left_out_on_purpose_is_not_dropped() {
    let place = Place::new();
    let params = Params { output_level: Level::Error.into(), ..place.params() };
    let entries = [log_entry("info", None, &[]), log_entry("error", None, &[])];
    let (text, outcome) = written(&params, &place, report("logentry", entries)).await;
    assert_eq!(text.lines().count(), 1);
    assert_eq!(outcome.dropped, []);
}
