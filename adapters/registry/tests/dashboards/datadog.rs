//! Names of metrics in queries of Datadog: `sum:name{tags} by {tag}.as_rate()`.

use regex::Regex;

pub(crate) fn names(query: &str) -> Result<Vec<String>, String> {
    // A percentile of a distribution stands where the aggregation does.
    let metric =
        Regex::new(r"(?:avg|sum|min|max|count|p\d+(?:\.\d+)?):([A-Za-z][A-Za-z0-9_.]*)\s*\{").unwrap();
    let names: Vec<String> = metric.captures_iter(query).map(|found| found[1].to_owned()).collect();
    match names.len() == query.matches('{').count() - query.matches("by {").count() && !names.is_empty() {
        true => Ok(names),
        false => Err("is no sum:name{tags}".to_owned()),
    }
}
