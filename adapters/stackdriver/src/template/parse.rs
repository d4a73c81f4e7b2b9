//! Reads templates: text, and actions between braces.

use super::{Expr, Node, TemplateError, layout};

pub(super) fn template(text: &str) -> Result<Vec<Node>, TemplateError> {
    let (mut nodes, mut rest, mut trim) = (Vec::new(), text, false);
    loop {
        let (before, after) = match rest.split_once("{{") {
            Some((before, after)) => (before, Some(after)),
            None => (rest, None),
        };
        let mut own = if trim { before.trim_start() } else { before };
        let Some(after) = after else {
            push(&mut nodes, own);
            return Ok(nodes);
        };
        let Some((action, behind)) = split_action(after) else {
            return Err(refuse(after, "it does not end"));
        };
        let (start, action) = match action.strip_prefix("- ") {
            Some(inner) => (true, inner),
            None => (false, action),
        };
        let (end, action) = match action.strip_suffix(" -") {
            Some(inner) => (true, inner),
            None => (false, action),
        };
        if start {
            own = own.trim_end();
        }
        push(&mut nodes, own);
        (rest, trim) = (behind, end);
        let action = action.trim();
        if action.starts_with("/*") && action.ends_with("*/") {
            continue;
        }
        let mut parser = Parser { tokens: tokens(action)?, at: 0, action };
        let expr = parser.command()?;
        match parser.next() {
            None => nodes.push(Node::Action(expr)),
            Some(token) => return Err(parser.refuse(&format!("{token:?} is too much"))),
        }
    }
}

fn push(nodes: &mut Vec<Node>, text: &str) {
    if !text.is_empty() {
        nodes.push(Node::Text(text.to_owned()));
    }
}

/// What stands before the closing braces that are in no quotes, and what behind.
fn split_action(text: &str) -> Option<(&str, &str)> {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match quote {
            Some('"') if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '`') => quote = Some(c),
            None => {
                if let Some(behind) = text.get(at..).and_then(|rest| rest.strip_prefix("}}")) {
                    return Some((text.get(..at)?, behind));
                }
            }
        }
    }
    None
}

fn refuse(action: &str, message: impl Into<String>) -> TemplateError {
    TemplateError { action: action.chars().take(60).collect(), message: message.into() }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    /// `.a.b` without the first dot; empty for the dot alone.
    Field(String),
    Word(String),
    Text(String),
}

fn tokens(action: &str) -> Result<Vec<Token>, TemplateError> {
    let (mut tokens, mut chars) = (Vec::new(), action.chars().peekable());
    let name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    while let Some(c) = chars.next() {
        let token = match c {
            _ if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '`' => Token::Text(chars.by_ref().take_while(|c| *c != '`').collect()),
            '"' => {
                let mut text = String::new();
                loop {
                    match chars.next() {
                        None => return Err(refuse(action, "a quote is not closed")),
                        Some('"') => break,
                        Some('\\') => match chars.next() {
                            Some('n') => text.push('\n'),
                            Some('t') => text.push('\t'),
                            Some(c @ ('"' | '\\' | '\'')) => text.push(c),
                            _ => return Err(refuse(action, "an escape that is not known")),
                        },
                        Some(c) => text.push(c),
                    }
                }
                Token::Text(text)
            }
            _ if name(c) || c == '-' => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| name(*c)) {
                    word.push(c);
                }
                match word.strip_prefix('.') {
                    Some(field) => Token::Field(field.to_owned()),
                    None => Token::Word(word),
                }
            }
            _ => return Err(refuse(action, format!("{c:?} is not possible"))),
        };
        tokens.push(token);
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    action: &'a str,
}

impl Parser<'_> {
    fn refuse(&self, message: &str) -> TemplateError {
        refuse(self.action, message)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    /// A function with what it takes, or an operand.
    fn command(&mut self) -> Result<Expr, TemplateError> {
        match self.peek() {
            Some(Token::Word(word)) if word == "or" => {
                self.next();
                let mut all = Vec::new();
                while !matches!(self.peek(), None | Some(Token::Close)) {
                    all.push(self.operand()?);
                }
                match all.is_empty() {
                    true => Err(self.refuse("`or` of nothing")),
                    false => Ok(Expr::Or(all)),
                }
            }
            Some(Token::Word(word)) if word == "index" => {
                self.next();
                match (self.next(), self.next()) {
                    (Some(Token::Field(dot)), Some(Token::Text(name))) if dot.is_empty() => {
                        Ok(Expr::Variable(name))
                    }
                    _ => Err(self.refuse("`index` is only possible as index . \"name\"")),
                }
            }
            Some(Token::Field(path)) if path.ends_with(".Format") => {
                let name = path.trim_end_matches(".Format").to_owned();
                self.next();
                match self.next() {
                    Some(Token::Text(layout)) if !name.is_empty() && !name.contains('.') => {
                        Ok(Expr::Format(Box::new(Expr::Variable(name)), layout::convert(&layout)))
                    }
                    _ => Err(self.refuse("Format is only possible as .name.Format \"layout\"")),
                }
            }
            Some(_) => self.operand(),
            None => Err(self.refuse("it is empty")),
        }
    }

    fn operand(&mut self) -> Result<Expr, TemplateError> {
        match self.next() {
            Some(Token::Open) => {
                let inner = self.command()?;
                match self.next() {
                    Some(Token::Close) => Ok(inner),
                    _ => Err(self.refuse("a parenthesis is not closed")),
                }
            }
            Some(Token::Text(text)) => Ok(Expr::Text(text)),
            Some(Token::Field(name)) if !name.is_empty() && !name.contains('.') => Ok(Expr::Variable(name)),
            Some(Token::Word(word)) if word.parse::<f64>().is_ok() => Ok(Expr::Text(word)),
            Some(token) => Err(self.refuse(&format!("{token:?} is not possible"))),
            None => Err(self.refuse("something is missing")),
        }
    }
}
