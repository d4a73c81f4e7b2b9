//! What a metric has beyond the original's: native buckets and exemplars.

use mixer_adapter_sdk::params::Problems;

use super::names;
use crate::definition::{Kind, NativeOptions};
use crate::generated::params::MetricInfo;
use crate::store::schema_of;

const DEFAULT_BUCKET_FACTOR: f64 = 1.1;
const DEFAULT_MAX_BUCKETS: i32 = 160;
const LEAST_MAX_BUCKETS: i32 = 4;
/// 2^-128, as in Prometheus's own libraries.
const DEFAULT_ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;

/// How native buckets are made, if there are any. `kind` loses its classic ones when they are not wanted.
pub(super) fn native(
    field: &str,
    info: &MetricInfo,
    kind: &mut Option<Kind>,
    problems: &mut Problems,
) -> Option<NativeOptions> {
    let native = info.native_histogram.as_ref()?;
    let field = format!("{field}.native_histogram");
    let Some(Kind::Distribution(bounds)) = kind else {
        problems.add(field, "is only for a DISTRIBUTION");
        return None;
    };
    let factor = native.bucket_factor.unwrap_or(DEFAULT_BUCKET_FACTOR);
    if !factor.is_finite() || factor <= 1.0 {
        problems.add(format!("{field}.bucket_factor"), format!("is {factor}; must be more than 1"));
    }
    let threshold = native.zero_threshold.unwrap_or(DEFAULT_ZERO_THRESHOLD);
    if !threshold.is_finite() || threshold <= 0.0 {
        problems.add(format!("{field}.zero_threshold"), format!("is {threshold}; must be more than 0"));
    }
    let max_field = format!("{field}.max_buckets");
    let max_buckets =
        problems.at_least(&max_field, native.max_buckets, LEAST_MAX_BUCKETS, DEFAULT_MAX_BUCKETS);
    if !native.classic_buckets.unwrap_or(true) {
        if info.buckets.is_some() {
            problems.add(format!("{field}.classic_buckets"), "is false, but there are `buckets`");
        }
        bounds.clear();
    }
    Some(NativeOptions {
        schema: schema_of(factor),
        max_buckets: usize::try_from(max_buckets).unwrap_or(usize::MAX),
        zero_threshold: threshold,
    })
}

/// The names of the labels of exemplars, cleaned and sorted.
pub(super) fn exemplar_labels(
    field: &str,
    info: &MetricInfo,
    kind: Option<&Kind>,
    (labels, problems): (&[String], &mut Problems),
) -> Vec<String> {
    if info.exemplar_labels.is_empty() {
        return Vec::new();
    }
    let field = format!("{field}.exemplar_labels");
    if matches!(kind, Some(Kind::Gauge)) {
        problems.add(&field, "is not for a GAUGE; only a COUNTER and a DISTRIBUTION have exemplars");
    }
    let reserved: Vec<&str> = labels.iter().map(String::as_str).collect();
    names::exemplar_labels(&field, &info.exemplar_labels, &reserved, problems)
}
