//! Upper bounds of the buckets of a histogram.

use mixer_adapter_sdk::params::Problems;

use crate::generated::params::metric_info::BucketsDefinition;
use crate::generated::params::metric_info::buckets_definition::{Definition, Exponential, Linear};

/// The bounds that Prometheus' own libraries use.
const DEFAULT: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Each bucket costs memory in each series.
const MOST: usize = 500;

/// The bounds in rising order, without the one of everything above; none when something is wrong with them.
pub(super) fn bounds(
    field: &str,
    buckets: Option<&BucketsDefinition>,
    problems: &mut Problems,
) -> Option<Vec<f64>> {
    let field = format!("{field}.buckets");
    let Some(definition) = buckets.and_then(|buckets| buckets.definition.as_ref()) else {
        return Some(DEFAULT.to_vec());
    };
    let checked = match definition {
        Definition::LinearBuckets(linear) => self::linear(linear),
        Definition::ExponentialBuckets(exponential) => self::exponential(exponential),
        Definition::ExplicitBuckets(explicit) => self::explicit(&explicit.bounds),
    };
    match checked {
        Ok(bounds) => Some(bounds),
        Err((name, problem)) => {
            problems.add(format!("{field}.{name}"), problem);
            None
        }
    }
}

type Checked = Result<Vec<f64>, (&'static str, String)>;

fn linear(linear: &Linear) -> Checked {
    let count =
        count(linear.num_finite_buckets).map_err(|problem| ("linear_buckets.num_finite_buckets", problem))?;
    if linear.width.is_nan() || linear.width <= 0.0 {
        return Err(("linear_buckets.width", "must be more than 0".to_owned()));
    }
    // Added up and not multiplied, so that rounding gives the same labels as in other libraries.
    let bounds = std::iter::successors(Some(linear.offset), |bound| Some(bound + linear.width));
    rising(bounds.take(count).collect(), "linear_buckets")
}

fn exponential(exponential: &Exponential) -> Checked {
    let count = count(exponential.num_finite_buckets)
        .map_err(|problem| ("exponential_buckets.num_finite_buckets", problem))?;
    if exponential.growth_factor.is_nan() || exponential.growth_factor <= 1.0 {
        return Err(("exponential_buckets.growth_factor", "must be more than 1".to_owned()));
    }
    if exponential.scale.is_nan() || exponential.scale <= 0.0 {
        return Err(("exponential_buckets.scale", "must be more than 0".to_owned()));
    }
    let bounds =
        std::iter::successors(Some(exponential.scale), |bound| Some(bound * exponential.growth_factor));
    rising(bounds.take(count).collect(), "exponential_buckets")
}

fn explicit(bounds: &[f64]) -> Checked {
    let finite = match bounds.split_last() {
        None => DEFAULT,
        // The bucket of everything above is always there.
        Some((last, rest)) if *last == f64::INFINITY => rest,
        Some(_) => bounds,
    };
    if finite.len() > MOST {
        return Err(("explicit_buckets.bounds", format!("has more than {MOST} entries")));
    }
    rising(finite.to_vec(), "explicit_buckets.bounds")
}

/// One bound more than there are finite buckets: the lowest bound is one too.
fn count(finite_buckets: i32) -> Result<usize, String> {
    match usize::try_from(finite_buckets) {
        Ok(count @ 1..MOST) => Ok(count + 1),
        _ => Err(format!("is {finite_buckets}; must be 1 to {}", MOST - 1)),
    }
}

fn rising(bounds: Vec<f64>, name: &'static str) -> Checked {
    match bounds.iter().all(|bound| bound.is_finite()) && bounds.is_sorted_by(|a, b| a < b) {
        true => Ok(bounds),
        false => Err((name, "must be finite numbers, each larger than the one before".to_owned())),
    }
}
