//! Names of metrics in filters of Cloud Monitoring: `metric.type="custom.googleapis.com/name"`.

use regex::Regex;

pub(crate) fn names(filter: &str) -> Result<Vec<String>, String> {
    let metric = Regex::new(r#"metric\.type\s*=\s*"([^"]+)""#).unwrap();
    let names: Vec<String> = metric.captures_iter(filter).map(|found| found[1].to_owned()).collect();
    if names.is_empty() { Err("has no metric.type".to_owned()) } else { Ok(names) }
}
