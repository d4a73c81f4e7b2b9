//! Names of metrics and labels: cleaned as the original cleans them, then checked by the rules of Prometheus.

use std::borrow::Cow;

use mixer_adapter_sdk::params::Problems;

/// A name without the characters that templates and instances often have: a leading `/` and every `-` are left
/// out; `/`, `.` and blanks become `_`.
pub(crate) fn clean(name: &str) -> Cow<'_, str> {
    let name = name.strip_prefix('/').unwrap_or(name);
    if !name.contains(['/', '.', ' ', '-']) {
        return Cow::Borrowed(name);
    }
    let kept = name.chars().filter(|c| *c != '-');
    Cow::Owned(kept.map(|c| if matches!(c, '/' | '.' | ' ') { '_' } else { c }).collect())
}

/// The full name of a metric.
pub(super) fn full(namespace: &str, name: &str) -> String {
    format!("{}_{}", clean(namespace), clean(name))
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
pub(super) fn is_metric_name(name: &str) -> bool {
    is_name(name, |c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

fn is_name(name: &str, allowed: impl Fn(char) -> bool) -> bool {
    name.chars().next().is_some_and(|first| !first.is_ascii_digit()) && name.chars().all(allowed)
}

/// The cleaned label names, sorted.
pub(super) fn labels(
    field: &str,
    names: &[String],
    reserved: &[&str],
    problems: &mut Problems,
) -> Vec<String> {
    let why = "is reserved for the buckets of a DISTRIBUTION";
    checked(&format!("{field}.label_names"), names, (reserved, why), problems)
}

/// The cleaned names of the labels of exemplars, sorted; `series` are the labels of the series.
pub(super) fn exemplar_labels(
    field: &str,
    names: &[String],
    series: &[&str],
    problems: &mut Problems,
) -> Vec<String> {
    checked(field, names, (series, "is one of the label_names too"), problems)
}

/// Whether a name is one that a label may have.
pub(super) fn is_label_name(name: &str) -> bool {
    is_name(name, |c| c.is_ascii_alphanumeric() || c == '_')
}

fn checked(
    field: &str,
    names: &[String],
    (reserved, why): (&[&str], &str),
    problems: &mut Problems,
) -> Vec<String> {
    let mut labels: Vec<String> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let label = clean(name).into_owned();
        let problem = if !is_label_name(&label) {
            "is no name of a label; use letters, digits and _"
        } else if label.starts_with("__") {
            "is reserved: names that begin with __ belong to Prometheus"
        } else if reserved.contains(&label.as_str()) {
            why
        } else if labels.contains(&label) {
            "is there twice"
        } else {
            labels.push(label);
            continue;
        };
        problems.add(format!("{field}[{index}]"), format!("{name:?} {problem}"));
    }
    labels.sort_unstable();
    labels
}
