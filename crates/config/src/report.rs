//! Collects problems while resources are compiled, each under the resource that it is about.

use std::collections::BTreeMap;

use mixer_template::Position;

use crate::problem::{Problem, Severity};
use crate::resource::RawResource;

/// All problems of a compilation.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    all: Vec<Problem>,
    errors: BTreeMap<&'static str, usize>,
}

impl Problems {
    /// The problems of one resource; errors are counted under a kind.
    pub(crate) fn of<'a>(&'a mut self, resource: &'a RawResource, kind: &'static str) -> Report<'a> {
        Report { problems: self, resource, kind, errors: 0, first: None }
    }

    /// Everything in the order of lists, and how many errors each kind has.
    pub(crate) fn finish(mut self) -> (Vec<Problem>, BTreeMap<&'static str, usize>) {
        self.all.sort_by(Problem::order);
        self.all.dedup();
        (self.all, self.errors)
    }
}

/// The problems of one resource.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    problems: &'a mut Problems,
    resource: &'a RawResource,
    kind: &'static str,
    errors: usize,
    first: Option<String>,
}

impl Report<'_> {
    pub(crate) fn error(&mut self, field: &str, position: Position, message: impl Into<String>) {
        self.add(Severity::Error, field, position, message.into());
    }

    pub(crate) fn warning(&mut self, field: &str, position: Position, message: impl Into<String>) {
        self.add(Severity::Warning, field, position, message.into());
    }

    pub(crate) fn info(&mut self, field: &str, position: Position, message: impl Into<String>) {
        self.add(Severity::Info, field, position, message.into());
    }

    /// An error in an expression, with the place inside its text.
    pub(crate) fn expression(
        &mut self,
        field: &str,
        position: Position,
        message: impl Into<String>,
        inside: Option<Position>,
    ) {
        self.error(field, position, message);
        if let Some(problem) = self.problems.all.last_mut() {
            problem.expression = inside;
        }
    }

    /// How many errors this resource has so far.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// The first error, with its field.
    pub(crate) fn first_error(&self) -> Option<&str> {
        self.first.as_deref()
    }

    fn add(&mut self, severity: Severity, field: &str, position: Position, message: String) {
        if severity == Severity::Error {
            self.errors += 1;
            if self.first.is_none() {
                self.first =
                    Some(if field.is_empty() { message.clone() } else { format!("{field}: {message}") });
            }
            *self.problems.errors.entry(self.kind).or_default() += 1;
        }
        self.problems.all.push(Problem {
            severity,
            resource: Some(self.resource.id.clone()),
            field: field.to_owned(),
            expression: None,
            message,
            location: self.resource.location.at(position),
        });
    }
}
