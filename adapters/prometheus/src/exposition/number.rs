//! Numbers as Go's libraries write them, so that bounds are the same labels as those of the original: the shortest
//! form that reads back as the same number, with an exponent below 1e-4 and from 1e6 on.

use std::fmt::Write as _;

/// The decimal exponents of numbers that are written without one.
const PLAIN: std::ops::Range<i32> = -4..6;

/// Adds a value.
pub(super) fn push_float(out: &mut String, value: f64) {
    // Most values are counts, and few counts have an exponent.
    if value.fract() == 0.0 && value.abs() < 1e6 {
        out.push_str(itoa::Buffer::new().format(value as i64));
        return;
    }
    push_general(out, value);
}

/// Adds a count.
pub(super) fn push_integer(out: &mut String, value: u64) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// Adds a time in milliseconds since 1970 as seconds.
pub(super) fn push_seconds(out: &mut String, milliseconds: i64) {
    // Writing to a string does not fail.
    let _ = write!(out, "{}.{:03}", milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000));
}

/// The label of a bucket as text 0.0.4 writes it.
pub(crate) fn bound_text(bound: f64) -> String {
    let mut text = String::new();
    push_bound(&mut text, bound, false);
    text
}

/// Adds the upper bound of a bucket. OpenMetrics wants a point or an exponent in it.
pub(super) fn push_bound(out: &mut String, bound: f64, open_metrics: bool) {
    let start = out.len();
    push_general(out, bound);
    let is_integer = !out.get(start..).unwrap_or_default().contains(['.', 'e', 'I', 'N']);
    if open_metrics && is_integer {
        out.push_str(".0");
    }
}

/// Go's `strconv.FormatFloat(value, 'g', -1, 64)`.
fn push_general(out: &mut String, value: f64) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    let mut scientific = String::new();
    // Writing to a string does not fail.
    let _ = write!(scientific, "{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let _ = match PLAIN.contains(&exponent) {
        true => write!(out, "{value}"),
        false => {
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(out, "{mantissa}e{sign}{:02}", exponent.abs())
        }
    };
}
