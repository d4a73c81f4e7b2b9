//! Numbers as lines say them: decimal, without exponent, with as many digits as needed.

use std::fmt;

use crate::typed::DropReason;
use crate::value::ValueView;

/// A number that a line can say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LineNumber {
    /// An integer.
    Integer(i64),
    /// A number that is finite.
    Double(f64),
    /// Nanoseconds, which are said in milliseconds with their fraction.
    Nanos(i64),
}

impl LineNumber {
    /// The number that a value is: an integer, a double, a duration, or text that is a number.
    ///
    /// # Errors
    ///
    /// There is none, it is no number, or not a finite one.
    pub fn of(value: Option<ValueView<'_>>) -> Result<Self, NoNumber> {
        let finite = |number: f64| match number.is_finite() {
            true => Ok(Self::Double(number)),
            false => Err(NoNumber::NotFinite(number)),
        };
        match value.ok_or(NoNumber::Missing)? {
            ValueView::Int64(number) => Ok(Self::Integer(number)),
            ValueView::Double(number) => finite(number),
            ValueView::Duration(duration) => Ok(Self::Nanos(duration.nanos())),
            ValueView::String(text) => match (text.parse(), text.parse()) {
                (Ok(number), _) => Ok(Self::Integer(number)),
                (_, Ok(number)) => finite(number),
                _ => Err(NoNumber::NotANumber(text.to_owned())),
            },
            other => Err(NoNumber::NotANumber(other.to_string())),
        }
    }

    /// As it is said: durations in milliseconds.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Double(number) => number,
            Self::Nanos(nanos) => nanos as f64 / 1e6,
        }
    }

    /// Whether it is less than 0.
    pub fn is_negative(self) -> bool {
        match self {
            Self::Integer(number) | Self::Nanos(number) => number < 0,
            Self::Double(number) => number < 0.0,
        }
    }
}

impl fmt::Display for LineNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(f, "{number}"),
            // There is one zero only.
            Self::Double(number) => write!(f, "{}", number + 0.0),
            Self::Nanos(nanos) => {
                let (whole, rest) = (nanos.unsigned_abs() / 1_000_000, nanos.unsigned_abs() % 1_000_000);
                let sign = if *nanos < 0 { "-" } else { "" };
                if rest == 0 {
                    return write!(f, "{sign}{whole}");
                }
                let fraction = format!("{rest:06}");
                write!(f, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
            }
        }
    }
}

/// A value of which no line can be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoNumber {
    /// There is no value.
    #[error("it has no value")]
    Missing,
    /// It is something else.
    #[error("the value {0} is not a number")]
    NotANumber(String),
    /// It is infinite, or no number by name.
    #[error("the value {0} is not finite")]
    NotFinite(f64),
}

impl DropReason for NoNumber {
    fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "no_value",
            Self::NotANumber(_) => "not_a_number",
            Self::NotFinite(_) => "not_finite",
        }
    }
}
