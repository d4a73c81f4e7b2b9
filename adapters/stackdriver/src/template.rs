//! Payload templates: the part of Go's `text/template` that log lines are made with. Variables (`{{.method}}`,
//! `{{index . "method"}}`), `or`, literals, `.time.Format "layout"` and the trim marks `{{-` and `-}}`.
//! Everything else is refused when the configuration is checked.

mod layout;
mod parse;

use std::fmt::Write as _;

use mixer_adapter_sdk::value::ValueView;

/// What Go writes for a variable that the instance does not have.
const NO_VALUE: &str = "<no value>";

/// A template that was parsed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template(Vec<Node>);

/// A template that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{{{{{action}}}}}` in the template: {message}; possible are {{{{.name}}}}, {{{{or (.name) \"text\"}}}}, {{{{index . \"name\"}}}} and {{{{.name.Format \"layout\"}}}}"
)]
pub(crate) struct TemplateError {
    action: String,
    message: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Text(String),
    Action(Expr),
}

#[derive(Clone, Debug, PartialEq)]
enum Expr {
    Variable(String),
    Text(String),
    /// A moment in a layout, as a format of `strftime`.
    Format(Box<Expr>, String),
    /// The first that is not empty, or the last.
    Or(Vec<Expr>),
}

/// What an expression is.
enum Found<'a> {
    Nothing,
    Value(ValueView<'a>),
    Text(&'a str),
    Made(String),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// It is none, or uses what is not possible here.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        parse::template(text).map(Self)
    }

    /// Puts in the variables, which are sorted by name.
    pub(crate) fn render(&self, variables: &[(&str, Option<ValueView<'_>>)]) -> String {
        let mut text = String::new();
        for node in &self.0 {
            match node {
                Node::Text(own) => text.push_str(own),
                Node::Action(expr) => match expr.find(variables) {
                    Found::Nothing => text.push_str(NO_VALUE),
                    // Writing to a text does not fail.
                    Found::Value(value) => drop(write!(text, "{value}")),
                    Found::Text(found) => text.push_str(found),
                    Found::Made(found) => text.push_str(&found),
                },
            }
        }
        text
    }
}

impl Expr {
    fn find<'a>(&'a self, variables: &[(&str, Option<ValueView<'a>>)]) -> Found<'a> {
        match self {
            Self::Variable(name) => {
                let index = variables.binary_search_by(|(key, _)| (*key).cmp(name));
                let value = index.ok().and_then(|index| variables.get(index)).and_then(|(_, value)| *value);
                value.map_or(Found::Nothing, Found::Value)
            }
            Self::Text(text) => Found::Text(text),
            Self::Format(moment, format) => match moment.find(variables) {
                Found::Value(ValueView::Timestamp(time)) => {
                    Found::Made(layout::format(time, format).unwrap_or_else(|| time.to_string()))
                }
                // Not a moment: as it is, which tells more than nothing.
                other => other,
            },
            Self::Or(all) => {
                let mut last = Found::Nothing;
                for expr in all {
                    last = expr.find(variables);
                    if last.is_true() {
                        break;
                    }
                }
                last
            }
        }
    }
}

impl Found<'_> {
    /// As Go sees it: zero and empty is false.
    fn is_true(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Text(text) => !text.is_empty(),
            Self::Made(text) => !text.is_empty(),
            Self::Value(value) => match value {
                ValueView::Int64(number) => *number != 0,
                ValueView::Double(number) => *number != 0.0,
                ValueView::Bool(value) => *value,
                ValueView::Ip(bytes) => !bytes.is_empty(),
                ValueView::Timestamp(_) => true,
                ValueView::Duration(duration) => duration.nanos() != 0,
                ValueView::StringMap(map) => map.iter().next().is_some(),
                ValueView::String(text)
                | ValueView::Email(text)
                | ValueView::Dns(text)
                | ValueView::Uri(text) => !text.is_empty(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
