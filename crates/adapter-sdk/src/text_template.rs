//! Texts with places for values, in the part of Go's `text/template` that configurations of the original use:
//! `{{.name}}`, `{{index . "a.name"}}`, comments and trimming (`{{-`, `-}}`).

#[cfg(test)]
mod tests;

/// A text with places for values.
///
/// ```
/// let template: mixer_adapter_sdk::text_template::TextTemplate = "{{.method}}-{{ .code }}".parse()?;
/// let text = template.fill(|name| Ok::<_, ()>(name.to_uppercase().into()));
/// assert_eq!(text, Ok("METHOD-CODE".to_owned()));
/// # Ok::<_, mixer_adapter_sdk::text_template::ParseTextTemplateError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextTemplate {
    parts: Vec<Part>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// The place of the value of this name.
    Value(String),
}

impl TextTemplate {
    /// A template of these parts.
    pub fn of(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut template = Self::default();
        for part in parts {
            match part {
                Part::Text(text) => template.text(&text),
                value => template.parts.push(value),
            }
        }
        template
    }

    /// The parts in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Names of the values that it has places for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with every value in its place.
    ///
    /// # Errors
    ///
    /// That of looking up a value.
    pub fn fill<'a, E>(
        &'a self,
        mut value: impl FnMut(&'a str) -> Result<std::borrow::Cow<'a, str>, E>,
    ) -> Result<String, E> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Value(name) => text.push_str(&value(name)?),
            }
        }
        Ok(text)
    }

    fn text(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(Part::Text(last)) => last.push_str(text),
            _ if text.is_empty() => {}
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }
}

impl std::str::FromStr for TextTemplate {
    type Err = ParseTextTemplateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut template = Self::default();
        let (mut rest, mut trim) = (text, false);
        while let Some((before, behind)) = rest.split_once("{{") {
            let (trim_before, behind) = match behind.strip_prefix("-") {
                // Go wants a blank there: `{{-3}}` is a number.
                Some(tail) if tail.starts_with(char::is_whitespace) => (true, tail),
                _ => (false, behind),
            };
            let before = if trim { before.trim_start() } else { before };
            template.text(if trim_before { before.trim_end() } else { before });
            let unclosed = || ParseTextTemplateError::Unclosed;
            // A comment may hold braces.
            let end = match behind.trim_start().starts_with("/*") {
                true => behind.find("*/").map(|at| at + 2).ok_or_else(unclosed)?,
                false => 0,
            };
            let close = behind.get(end..).and_then(|tail| tail.find("}}")).ok_or_else(unclosed)? + end;
            let (action, tail) = behind.split_at(close);
            let trimmed = action.strip_suffix('-').filter(|action| action.ends_with(char::is_whitespace));
            trim = trimmed.is_some();
            if let Some(name) = name_of(trimmed.unwrap_or(action).trim())? {
                template.parts.push(Part::Value(name));
            }
            rest = tail.get(2..).unwrap_or_default();
        }
        template.text(if trim { rest.trim_start() } else { rest });
        Ok(template)
    }
}

/// The name in an action; none in a comment.
fn name_of(action: &str) -> Result<Option<String>, ParseTextTemplateError> {
    let unknown = || ParseTextTemplateError::Unknown(action.to_owned());
    if action.starts_with("/*") && action.ends_with("*/") {
        return Ok(None);
    }
    if let Some(name) = action.strip_prefix('.') {
        let fits = |letter: char| letter == '_' || letter.is_alphanumeric();
        let sound = name.chars().all(fits) && name.starts_with(|letter: char| !letter.is_numeric());
        return if sound { Ok(Some(name.to_owned())) } else { Err(unknown()) };
    }
    let quoted = action.strip_prefix("index").map(str::trim_start).and_then(|rest| rest.strip_prefix('.'));
    let quoted = quoted.map(str::trim_start).ok_or_else(unknown)?;
    let inner = |mark: char| quoted.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
    let name = inner('"').or_else(|| inner('`')).filter(|name| !name.contains(['"', '`', '\\']));
    Ok(Some(name.ok_or_else(unknown)?.to_owned()))
}

/// Text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseTextTemplateError {
    /// An action does not end.
    #[error("has {{{{ without }}}}")]
    Unclosed,
    /// An action is none of those known here.
    #[error("has {{{{{0}}}}}; write {{{{.name}}}} or {{{{index . \"a.name\"}}}}")]
    Unknown(String),
}
