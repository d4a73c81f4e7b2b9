//! What is wrong with a proto file: every problem with file, line and the rule that was broken.

use std::fmt;

/// The rules that the files of a template or an adapter keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// The file is sound protobuf, and so is everything it imports.
    Compile,
    /// Exactly one file has the option `template_variety`.
    OneTemplate,
    /// The variety is one of the five.
    Variety,
    /// The file is written in proto3.
    Proto3,
    /// The file has a package.
    Package,
    /// The template's name (the option, else the last part of the package) has letters only.
    TemplateName,
    /// There is a message `Template`.
    TemplateMessage,
    /// There is a message `OutputTemplate` when adapters answer with output, and only then.
    OutputMessage,
    /// No field has a name that the generated messages use themselves.
    ReservedName,
    /// No field has a number that the generated messages use themselves.
    ReservedNumber,
    /// Fields of `Template` and of its resource messages have types that expressions can fill.
    FieldType,
    /// Fields of `OutputTemplate` have types that attributes can hold.
    OutputFieldType,
    /// Fields are plain: no `oneof`, no `optional`, no option that changes how they are written.
    PlainField,
    /// Messages are declared at top level.
    TopLevel,
    /// The generated messages have names of their own.
    NameClash,
    /// Services are generated, never written by the author.
    Service,
    /// Methods of a handler service take one message and answer with one.
    Unary,
    /// A handler service is one that the server can call.
    HandlerService,
    /// An adapter's configuration has a message `Params`.
    Params,
}

impl Rule {
    /// The word by which diagnostics name the rule.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compile => "compile",
            Self::OneTemplate => "one-template",
            Self::Variety => "variety",
            Self::Proto3 => "proto3",
            Self::Package => "package",
            Self::TemplateName => "template-name",
            Self::TemplateMessage => "template-message",
            Self::OutputMessage => "output-message",
            Self::ReservedName => "reserved-name",
            Self::ReservedNumber => "reserved-number",
            Self::FieldType => "field-type",
            Self::OutputFieldType => "output-field-type",
            Self::PlainField => "plain-field",
            Self::TopLevel => "top-level",
            Self::NameClash => "name-clash",
            Self::Service => "service",
            Self::Unary => "unary",
            Self::HandlerService => "handler-service",
            Self::Params => "params",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file as the caller named it; an import by its import name.
    pub file: String,
    /// Line in the file, from 1; none when it is about the whole file or the lines are not known.
    pub line: Option<u32>,
    /// What was broken.
    pub rule: Rule,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {} [{}]", self.message, self.rule)
    }
}

/// Why nothing could be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The files break rules: every diagnostic, one a line, in the order of the files.
    #[error("{}", lines(.0))]
    Refused(Vec<Diagnostic>),
}

impl Error {
    /// The diagnostics; none when the file could not be read.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Read { .. } => &[],
            Self::Refused(diagnostics) => diagnostics,
        }
    }

    pub(crate) fn one(file: &str, line: Option<u32>, rule: Rule, message: impl Into<String>) -> Self {
        let diagnostic = Diagnostic { file: file.to_owned(), line, rule, message: message.into() };
        Self::Refused(vec![diagnostic])
    }
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
