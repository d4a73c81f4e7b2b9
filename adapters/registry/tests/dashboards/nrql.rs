//! Names of metrics in NRQL over `Metric`: what functions are used on. Other data
//! than metrics has no names to look at, but for kinds of events.

use regex::Regex;

/// Data of New Relic that adapters send besides metrics.
const OTHERS: &[&str] = &["Span", "Log"];

/// Functions whose arguments are attributes, not metrics.
const OF_ATTRIBUTES: &[&str] = &["uniqueCount", "uniques", "keyset", "cases", "capture"];

pub(crate) fn names(query: &str) -> Result<Vec<String>, String> {
    let from = Regex::new(r"(?i)\bFROM\s+([A-Za-z]+)").unwrap();
    let Some(data) = from.captures(query) else { return Err("has no FROM".to_owned()) };
    match &data[1] {
        "Metric" => {}
        other if OTHERS.contains(&other) => return Ok(Vec::new()),
        // A kind of event, which the configuration names.
        other => return Ok(vec![other.to_owned()]),
    }
    let mut names = Vec::new();
    // A function on a name, which may be in backticks; a function in a function is found on its own.
    let function = Regex::new(r"([A-Za-z]+)\(\s*(?:`([^`]+)`|([A-Za-z_][A-Za-z0-9_.]*)\s*[,)\[])").unwrap();
    for found in function.captures_iter(query) {
        if OF_ATTRIBUTES.contains(&&found[1]) {
            continue;
        }
        names.extend(found.get(2).or(found.get(3)).map(|name| name.as_str().to_owned()));
    }
    let by_name = Regex::new(r"metricName\s*=\s*'([^']+)'").unwrap();
    names.extend(by_name.captures_iter(query).map(|found| found[1].to_owned()));
    if names.is_empty() { Err("uses no metric".to_owned()) } else { Ok(names) }
}
