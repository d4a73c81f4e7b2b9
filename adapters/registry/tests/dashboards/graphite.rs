//! Names of metrics in targets of Graphite: paths of at least two parts, and names of `seriesByTag`.

use regex::Regex;

pub(crate) fn names(target: &str) -> Result<Vec<String>, String> {
    let by_tag = Regex::new(r#"['"]name=~?([^'"]+)['"]"#).unwrap();
    let mut names: Vec<String> = by_tag.captures_iter(target).map(|found| found[1].to_owned()).collect();
    // What is in quotes is a name to show, a unit or a tag.
    let quoted = Regex::new(r#"'[^']*'|"[^"]*""#).unwrap();
    let without_text = quoted.replace_all(target, "");
    let path = Regex::new(r"[A-Za-z*$][A-Za-z0-9_*${}\-]*(?:\.[A-Za-z0-9_*${}\-]+)+").unwrap();
    names.extend(path.find_iter(&without_text).map(|found| found.as_str().to_owned()));
    if names.is_empty() { Err("has no path".to_owned()) } else { Ok(names) }
}

/// Where StatsD puts metrics.
const PREFIXES: &[&str] =
    &["stats.counters.", "stats.timers.", "stats.gauges.", "stats.sets.", "stats_counts.", "stats."];

/// What StatsD makes of a metric.
const STATISTICS: &[&str] =
    &["count", "rate", "sum", "mean", "median", "std", "upper", "lower", "count_ps", "sum_squares"];

/// Whether a path is that of a metric; parts of either that are `*` or variables stand for anything.
pub(crate) fn is_of(path: &str, name: &str) -> bool {
    let plain = PREFIXES.iter().find_map(|prefix| path.strip_prefix(prefix)).unwrap_or(path);
    let without_statistic = plain.rsplit_once('.').filter(|(_, last)| {
        let base = last.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
        STATISTICS.contains(last) || STATISTICS.contains(&base)
    });
    same_parts(plain, name) || without_statistic.is_some_and(|(path, _)| same_parts(path, name))
}

fn same_parts(path: &str, name: &str) -> bool {
    let is_open = |part: &str| part.contains(['*', '$', '{']);
    let (path, name): (Vec<_>, Vec<_>) = (path.split('.').collect(), name.split('.').collect());
    path.len() == name.len() && path.iter().zip(&name).all(|(a, b)| a == b || is_open(a) || is_open(b))
}
