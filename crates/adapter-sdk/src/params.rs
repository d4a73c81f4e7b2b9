//! From the bytes of a handler's configuration to checked values: what every adapter's `config.rs` needs.

mod text;

use std::time::Duration;

use mixer_adapter_api::{BuildError, FieldProblem};

pub use text::encode;

/// Decodes the configuration message of a handler.
///
/// # Errors
///
/// A problem with the whole configuration when the bytes are not such a message.
pub fn decode<M: prost::Message + Default>(bytes: &[u8]) -> Result<M, FieldProblem> {
    M::decode(bytes).map_err(|error| {
        FieldProblem::new(
            "",
            format!("the configuration cannot be decoded as this adapter's Params ({error}); look at the `config` of the adapter resource"),
        )
    })
}

/// All problems in one line.
pub fn join(problems: &[FieldProblem]) -> String {
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    problems.join("; ")
}

/// The error of building a handler whose configuration was not validated before, and is not valid.
pub fn not_valid(problems: Vec<FieldProblem>) -> BuildError {
    BuildError(format!("the configuration is not valid: {}", join(&problems)))
}

/// Collects the problems of a configuration while it is checked, so that all of them are told at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<FieldProblem>);

impl Problems {
    /// No problem yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem with a field.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldProblem::new(field, message));
    }

    /// How many were added.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The checked value when nothing was wrong with it.
    ///
    /// # Errors
    ///
    /// Every problem that was added.
    pub fn unless_any<T>(self, value: T) -> Result<T, Vec<FieldProblem>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }

    /// A duration that may not be negative, or the default when it is absent.
    pub fn duration(
        &mut self,
        field: &str,
        duration: Option<&prost_types::Duration>,
        default: Duration,
    ) -> Duration {
        let Some(duration) = duration else { return default };
        match Duration::try_from(*duration) {
            Ok(duration) => duration,
            Err(_) => {
                self.add(field, "must not be negative");
                default
            }
        }
    }

    /// A number that may not be less than `least`, or the default when it is absent.
    pub fn at_least<N>(&mut self, field: &str, number: Option<N>, least: N, default: N) -> N
    where
        N: PartialOrd + std::fmt::Display,
    {
        match number {
            Some(number) if number < least => {
                self.add(field, format!("is {number}; must be at least {least}"));
                default
            }
            Some(number) => number,
            None => default,
        }
    }
}
