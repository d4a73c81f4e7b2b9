//! What is wrong with configuration: a problem names the resource, the field, the place in the file and what to do.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use mixer_template::Position;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Something that was asked for does not work.
    Error,
    /// It works, but probably not as meant.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// The word in messages: `error`, `warning`, `info`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A place in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// The file, or another word for where the text came from.
    pub file: Arc<str>,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column in characters, from 1; 0 when unknown.
    pub column: u32,
}

impl Location {
    /// A place in a file.
    pub fn new(file: &Arc<str>, position: Position) -> Self {
        Self { file: file.clone(), line: position.line, column: position.column }
    }

    /// Line and column.
    pub fn position(&self) -> Position {
        Position { line: self.line, column: self.column }
    }

    /// The same file at another place; the same place when the other one is unknown.
    pub fn at(&self, position: Position) -> Self {
        if position.line == 0 { self.clone() } else { Self::new(&self.file, position) }
    }
}

impl fmt::Display for Location {
    /// `file:line:column`, without the numbers that are unknown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => f.write_str(&self.file),
            (line, 0) => write!(f, "{}:{line}", self.file),
            (line, column) => write!(f, "{}:{line}:{column}", self.file),
        }
    }
}

/// The resource that a problem is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId {
    /// Kind, such as `rule`.
    pub kind: Arc<str>,
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
}

impl ResourceId {
    /// The key that references use: `name.kind.namespace`.
    pub fn key(&self) -> String {
        format!("{}.{}.{}", self.name, self.kind, self.namespace)
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The resource; `None` for a file or document that is no resource.
    pub resource: Option<ResourceId>,
    /// Path of the field, such as `spec.params.dimensions[source]`; empty for the whole resource.
    pub field: String,
    /// Line and column inside the expression that the field holds.
    pub expression: Option<Position>,
    /// What is wrong and what to do.
    pub message: String,
    /// Where to look.
    pub location: Location,
}

impl Problem {
    /// A problem with a file or a document.
    pub fn in_file(severity: Severity, location: Location, message: impl Into<String>) -> Self {
        Self {
            severity,
            resource: None,
            field: String::new(),
            expression: None,
            message: message.into(),
            location,
        }
    }

    /// The order of lists: by place, then by resource, then by text.
    pub fn order(&self, other: &Self) -> Ordering {
        (&self.location, &self.resource, &self.field, self.severity, &self.message).cmp(&(
            &other.location,
            &other.resource,
            &other.field,
            other.severity,
            &other.message,
        ))
    }
}

impl fmt::Display for Problem {
    /// `file:line:column: severity: kind namespace/name: field: message`, without the parts that are unknown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: ", self.location, self.severity)?;
        if let Some(resource) = &self.resource {
            write!(f, "{resource}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)?;
        match self.expression {
            // The message of a syntax error says where it is.
            Some(Position { line, column }) if !self.message.contains(&format!(": {line}:{column}: ")) => {
                write!(f, " (at {line}:{column} of the expression)")
            }
            _ => Ok(()),
        }
    }
}
