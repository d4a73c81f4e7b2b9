//! Match conditions, each distinct text compiled once, and what is said of an expression that does not compile.

use std::sync::Arc;

use hashbrown::HashMap;
use mixer_attribute::{ValueType, VocabularyBuilder};
use mixer_expr::{CompileError, Options};
use mixer_template::Position;

use crate::report::Report;
use crate::snapshot::{Condition, ConditionId};

/// The conditions of all rules.
#[derive(Default)]
pub(crate) struct Conditions {
    known: HashMap<Arc<str>, Result<ConditionId, CompileError>, foldhash::fast::RandomState>,
    all: Vec<Condition>,
}

impl Conditions {
    /// The condition of a text; `None` when it always holds.
    ///
    /// # Errors
    /// The text does not compile, or is no BOOL.
    pub(crate) fn of(
        &mut self,
        text: &str,
        vocabulary: &mut VocabularyBuilder,
        options: &Options,
    ) -> Result<Option<ConditionId>, CompileError> {
        let text = text.trim();
        if text.is_empty() || text == "true" {
            return Ok(None);
        }
        if let Some(known) = self.known.get(text) {
            return known.clone().map(Some);
        }
        let compiled = mixer_expr::compile_expecting(text, ValueType::Bool, vocabulary, options);
        let text: Arc<str> = text.into();
        let result = compiled.map(|program| {
            self.all.push(Condition { text: text.clone(), program });
            ConditionId(self.all.len() - 1)
        });
        self.known.insert(text, result.clone());
        result.map(Some)
    }

    /// All conditions, by id.
    pub(crate) fn into_all(self) -> Vec<Condition> {
        self.all
    }
}

/// A problem for an expression that does not compile.
pub(crate) fn report_compile_error(
    report: &mut Report<'_>,
    field: &str,
    position: Position,
    error: &CompileError,
) {
    let hint = error.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
    let inside = Position { line: error.position.line, column: error.position.column };
    report.expression(field, position, format!("{}{hint}", error.message), Some(inside));
}
