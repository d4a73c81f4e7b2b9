//! From text to tokens by the lexical rules of Go, which the language has from the original: comments, string
//! forms and escapes, and a newline behind an operand that ends the expression.

mod literal;

pub(crate) use literal::unquote;

use crate::ast::Operator;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token {
    Identifier,
    /// A word that Go reserves; never a name.
    Keyword,
    Int,
    Float,
    /// `"…"`, raw text in back quotes, or one character in single quotes.
    Text,
    Symbol(Symbol),
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    Comma,
    Dot,
    /// A newline behind an operand.
    Newline,
    End,
    /// Anything else that Go has.
    Other,
}

/// An operator as written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Symbol {
    /// 1 binds loosest, 5 tightest; 0 is never between operands.
    pub(crate) precedence: u8,
    /// The name in messages.
    pub(crate) name: &'static str,
    /// What it means; `None` for those that parse and that the language does not have.
    pub(crate) operator: Option<Operator>,
    /// Whether it can stand before an operand.
    pub(crate) unary: bool,
}

/// A token with its text and place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexeme<'t> {
    pub(crate) token: Token,
    pub(crate) text: &'t str,
    /// Byte offset.
    pub(crate) offset: usize,
}

/// Text that is not a token, with its place.
#[derive(Debug)]
pub(crate) struct LexError {
    pub(crate) offset: usize,
    pub(crate) message: String,
}

impl LexError {
    fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into() }
    }
}

const fn symbol(precedence: u8, name: &'static str, operator: Option<Operator>, unary: bool) -> Token {
    Token::Symbol(Symbol { precedence, name, operator, unary })
}

/// Longest first: the first that fits is the token.
const PUNCTUATION: &[(&str, Token)] = &[
    ("<<=", Token::Other),
    (">>=", Token::Other),
    ("&^=", Token::Other),
    ("...", Token::Other),
    ("||", symbol(1, "LOR", Some(Operator::Or), false)),
    ("&&", symbol(2, "LAND", Some(Operator::And), false)),
    ("==", symbol(3, "EQ", Some(Operator::Eq), false)),
    ("!=", symbol(3, "NEQ", Some(Operator::Ne), false)),
    ("<=", symbol(3, "LEQ", Some(Operator::Le), false)),
    (">=", symbol(3, "GEQ", Some(Operator::Ge), false)),
    ("<<", symbol(5, "", None, false)),
    (">>", symbol(5, "", None, false)),
    ("&^", symbol(5, "", None, false)),
    ("<-", symbol(0, "", None, true)),
    ("++", Token::Other),
    ("--", Token::Other),
    (":=", Token::Other),
    ("+=", Token::Other),
    ("-=", Token::Other),
    ("*=", Token::Other),
    ("/=", Token::Other),
    ("%=", Token::Other),
    ("&=", Token::Other),
    ("|=", Token::Other),
    ("^=", Token::Other),
    ("<", symbol(3, "LT", Some(Operator::Lt), false)),
    (">", symbol(3, "GT", Some(Operator::Gt), false)),
    ("+", symbol(4, "ADD", Some(Operator::Add), true)),
    ("|", symbol(4, "OR", Some(Operator::Fallback), false)),
    ("-", symbol(4, "SUB", None, true)),
    ("^", symbol(4, "XOR", None, true)),
    ("*", symbol(5, "MUL", None, true)),
    ("/", symbol(5, "QUO", None, false)),
    ("%", symbol(5, "REM", None, false)),
    ("&", symbol(5, "AND", None, true)),
    ("!", symbol(0, "NOT", None, true)),
    ("(", Token::LeftParen),
    (")", Token::RightParen),
    ("[", Token::LeftBracket),
    ("]", Token::RightBracket),
    ("{", Token::Other),
    ("}", Token::Other),
    (",", Token::Comma),
    (".", Token::Dot),
    (";", Token::Other),
    (":", Token::Other),
    ("=", Token::Other),
    ("~", Token::Other),
];

const KEYWORDS: &[&str] = &[
    "break",
    "case",
    "chan",
    "const",
    "continue",
    "default",
    "defer",
    "else",
    "fallthrough",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "interface",
    "map",
    "package",
    "range",
    "return",
    "select",
    "struct",
    "switch",
    "type",
    "var",
];

/// Reads tokens from a text.
#[derive(Debug)]
pub(crate) struct Lexer<'t> {
    text: &'t str,
    offset: usize,
    // Whether the last token was an operand's end, so that a newline ends the expression.
    newline_counts: bool,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        // A byte order mark is ignored at the very beginning only.
        let offset = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, offset, newline_counts: false }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    /// The next token; `End` again and again at the end.
    pub(crate) fn next(&mut self) -> Result<Lexeme<'t>, LexError> {
        if let Some(newline) = self.skip_blanks()? {
            return Ok(newline);
        }
        let rest = self.rest();
        let (token, len) = match rest.chars().next() {
            None => (Token::End, 0),
            Some(c) if c == '_' || c.is_alphabetic() => word(rest),
            Some('0'..='9') => self.number(rest)?,
            Some('.') if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(rest)?,
            Some(quote @ ('"' | '\'' | '`')) => (Token::Text, self.quoted(rest, quote)?),
            Some(c) => match PUNCTUATION.iter().find(|(spelling, _)| rest.starts_with(spelling)) {
                Some((spelling, token)) => (*token, spelling.len()),
                None => return Err(LexError::new(self.offset, illegal(c))),
            },
        };
        let lexeme = Lexeme { token, text: &rest[..len], offset: self.offset };
        self.offset += len;
        self.newline_counts = ends_operand(&lexeme);
        Ok(lexeme)
    }

    /// Skips blanks and comments; gives the newline token when a newline ends the expression.
    fn skip_blanks(&mut self) -> Result<Option<Lexeme<'t>>, LexError> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
            self.offset += blank;
            let rest = &rest[blank..];
            let (len, has_newline) = if rest.starts_with('\n') {
                (1, true)
            } else if rest.starts_with("//") {
                (rest.find('\n').unwrap_or(rest.len()), false)
            } else if rest.starts_with("/*") {
                let Some(end) = rest.find("*/") else {
                    return Err(LexError::new(self.offset, "comment not terminated"));
                };
                (end + 2, rest[..end].contains('\n'))
            } else {
                return Ok(None);
            };
            let offset = self.offset;
            self.offset += len;
            if has_newline && self.newline_counts {
                self.newline_counts = false;
                return Ok(Some(Lexeme { token: Token::Newline, text: "\n", offset }));
            }
        }
    }

    /// The kind and length of the number at the beginning of `rest`.
    fn number(&self, rest: &str) -> Result<(Token, usize), LexError> {
        let bytes = rest.as_bytes();
        let digits = |from: usize| {
            from + bytes[from..].iter().take_while(|b| b.is_ascii_digit() || **b == b'_').count()
        };
        let mut len = digits(0);
        let mut token = Token::Int;
        if rest.starts_with('0') && matches!(bytes.get(1), Some(b'x' | b'X' | b'b' | b'B' | b'o' | b'O')) {
            return Err(LexError::new(self.offset, "only decimal numbers can be written: invalid syntax"));
        }
        if bytes.get(len) == Some(&b'.') {
            token = Token::Float;
            len = digits(len + 1);
        }
        if matches!(bytes.get(len), Some(b'e' | b'E')) {
            token = Token::Float;
            len += 1 + usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
            let end = digits(len);
            if end == len {
                return Err(LexError::new(self.offset + len, "exponent has no digits"));
            }
            len = end;
        }
        let written = &rest[..len];
        if written.contains('_') {
            return Err(LexError::new(self.offset, "a number has no '_': invalid syntax"));
        }
        if bytes.get(len) == Some(&b'i') {
            return Err(LexError::new(self.offset, "there are no imaginary numbers: invalid syntax"));
        }
        if token == Token::Int
            && written.starts_with('0')
            && let Some(digit) = written.find(['8', '9'])
        {
            let message = format!("invalid digit '{}' in octal literal", &written[digit..=digit]);
            return Err(LexError::new(self.offset + digit, message));
        }
        Ok((token, len))
    }

    /// The length of the quoted text at the beginning of `rest`. Escapes are checked by [`unquote`].
    fn quoted(&self, rest: &str, quote: char) -> Result<usize, LexError> {
        let mut chars = rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => return Ok(at + 1),
                '\\' if quote != '`' => {
                    chars.next();
                }
                '\n' if quote != '`' => break,
                _ => {}
            }
        }
        let what = match quote {
            '`' => "raw string",
            '\'' => "rune",
            _ => "string",
        };
        Err(LexError::new(self.offset, format!("{what} literal not terminated")))
    }
}

fn ends_operand(lexeme: &Lexeme<'_>) -> bool {
    match lexeme.token {
        Token::Identifier | Token::Int | Token::Float | Token::Text => true,
        Token::RightParen | Token::RightBracket => true,
        Token::Keyword => matches!(lexeme.text, "break" | "continue" | "fallthrough" | "return"),
        Token::Other => matches!(lexeme.text, "}" | "++" | "--"),
        _ => false,
    }
}

/// An identifier or keyword: letters, digits and `_` as Unicode has them.
fn word(rest: &str) -> (Token, usize) {
    let len = rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len());
    let token = if KEYWORDS.contains(&&rest[..len]) { Token::Keyword } else { Token::Identifier };
    (token, len)
}

fn illegal(c: char) -> String {
    match c {
        '\0' => "illegal character NUL".to_owned(),
        '\u{feff}' => "illegal byte order mark".to_owned(),
        c if c.is_control() || c.is_whitespace() => format!("illegal character U+{:04X}", c as u32),
        c => format!("illegal character U+{:04X} '{c}'", c as u32),
    }
}
