//! Medians and spreads of few measurements.

use serde::Serialize;

/// The middle and the ends of some measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// The one in the middle; of an even number, the mean of the two.
    pub(crate) median: f64,
    /// The smallest.
    pub(crate) min: f64,
    /// The largest.
    pub(crate) max: f64,
}

impl Spread {
    /// Of these measurements; all zero when there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (Some(min), Some(max)) = (sorted.first(), sorted.last()) else { return Self::default() };
        let (low, high) = ((sorted.len() - 1) / 2, sorted.len() / 2);
        let middle = |index: usize| sorted.get(index).copied().unwrap_or_default();
        Self { median: f64::midpoint(middle(low), middle(high)), min: *min, max: *max }
    }
}

#[cfg(test)]
mod tests;
