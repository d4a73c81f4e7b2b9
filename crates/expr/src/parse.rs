//! From tokens to the tree, by the precedence and grammar of Go's expressions.

use crate::ast::{Expr, ExprKind, Literal, Operator};
use crate::error::{CompileError, CompileErrorKind, Position, cut};
use crate::lex::{LexError, Lexeme, Lexer, Token, unquote};

/// How deep operators, calls and parentheses may lie inside each other. Everything that walks a tree recurses,
/// so this bounds the stack; a chain such as `a || b || …` counts once however long it is.
pub(crate) const MAX_DEPTH: usize = 200;

const LOOSEST: u8 = 1;

/// Parses a whole text.
pub(crate) fn parse(text: &str) -> Result<Expr, CompileError> {
    let end = Lexeme { token: Token::End, text: "", offset: 0 };
    let mut parser = Parser { text, lexer: Lexer::new(text), current: end, depth: 0 };
    parser.advance()?;
    let expr = parser.binary(LOOSEST)?;
    if parser.current.token == Token::Newline {
        parser.advance()?;
    }
    match parser.current.token {
        Token::End => Ok(expr),
        // What was probably meant.
        _ if parser.current.text == "=" => Err(parser.expected("'=='")),
        _ => Err(parser.expected("'EOF'")),
    }
}

struct Parser<'t> {
    text: &'t str,
    lexer: Lexer<'t>,
    current: Lexeme<'t>,
    depth: usize,
}

/// What was read so far of an operand with its selectors, calls and indexes.
enum Operand<'t> {
    /// Identifiers joined by dots: an attribute, a function, or an attribute and a method.
    Name(Vec<&'t str>),
    /// A value that may have methods.
    Value(Expr),
    /// A value that may not, unless it stands in parentheses.
    Element(Expr),
    /// A value and the name behind its dot.
    Method(Expr, &'t str),
}

impl<'t> Parser<'t> {
    fn advance(&mut self) -> Result<Lexeme<'t>, CompileError> {
        let next = self.lexer.next().map_err(|error| self.lexical(error))?;
        Ok(std::mem::replace(&mut self.current, next))
    }

    fn error(&self, kind: CompileErrorKind, offset: usize, message: String) -> CompileError {
        CompileError { position: Position::of(self.text, offset), kind, message, hint: None }
    }

    fn syntax(&self, offset: usize, what: &str) -> CompileError {
        let position = Position::of(self.text, offset);
        let message = format!("unable to parse expression '{}': {position}: {what}", cut(self.text));
        CompileError { position, kind: CompileErrorKind::Syntax, message, hint: None }
    }

    fn lexical(&self, error: LexError) -> CompileError {
        self.syntax(error.offset, &error.message)
    }

    fn expected(&self, what: &str) -> CompileError {
        let found = match self.current.token {
            Token::End => "'EOF'".to_owned(),
            Token::Newline => "newline".to_owned(),
            Token::Identifier | Token::Int | Token::Float | Token::Text => {
                cut(self.current.text).into_owned()
            }
            _ => format!("'{}'", self.current.text),
        };
        let mut error = self.syntax(self.current.offset, &format!("expected {what}, found {found}"));
        if self.current.token == Token::Keyword {
            error.hint =
                Some(format!("'{}' is a reserved word and cannot be part of a name", self.current.text));
        }
        error
    }

    fn unexpected(&self, offset: usize, what: &str) -> CompileError {
        self.error(CompileErrorKind::Unsupported, offset, format!("unexpected expression: {what}"))
    }

    /// Runs one more level of nesting.
    fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, CompileError>,
    ) -> Result<T, CompileError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.too_deep(self.current.offset));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    fn too_deep(&self, offset: usize) -> CompileError {
        let message = format!("expression is nested more than {MAX_DEPTH} levels deep");
        self.error(CompileErrorKind::TooDeep, offset, message)
    }

    fn make(&self, kind: ExprKind, offset: usize) -> Result<Expr, CompileError> {
        let expr = Expr::new(kind, offset);
        if expr.depth > MAX_DEPTH { Err(self.too_deep(offset)) } else { Ok(expr) }
    }

    /// Operands joined by operators of at least the given precedence; all associate to the left.
    fn binary(&mut self, loosest: u8) -> Result<Expr, CompileError> {
        let mut left = self.unary()?;
        while let Token::Symbol(symbol) = self.current.token {
            if symbol.precedence < loosest {
                break;
            }
            let at = self.advance()?;
            let Some(operator) = symbol.operator else { return Err(self.no_operator(symbol.name, &at)) };
            let right = self.nested(|parser| parser.binary(symbol.precedence + 1))?;
            left = self.join(left, operator, right, at.offset)?;
        }
        Ok(left)
    }

    fn join(&self, left: Expr, operator: Operator, right: Expr, offset: usize) -> Result<Expr, CompileError> {
        match left {
            Expr { kind: ExprKind::Operation(same, mut operands), depth, .. }
                if same == operator && operator.chains() && operands.len() > 1 =>
            {
                let depth = depth.max(right.depth + 1);
                operands.push(right);
                let chain = Expr { kind: ExprKind::Operation(operator, operands), offset, depth };
                if depth > MAX_DEPTH { Err(self.too_deep(offset)) } else { Ok(chain) }
            }
            left => self.make(ExprKind::Operation(operator, vec![left, right]), offset),
        }
    }

    fn no_operator(&self, name: &str, at: &Lexeme<'_>) -> CompileError {
        let message = format!("unknown function: {name}");
        let hint = match name {
            "NOT" => "there is no '!'; compare with false instead".to_owned(),
            _ => format!("the language has no operator '{}'", at.text),
        };
        CompileError { hint: Some(hint), ..self.error(CompileErrorKind::UnknownFunction, at.offset, message) }
    }

    fn unary(&mut self) -> Result<Expr, CompileError> {
        let Token::Symbol(symbol) = self.current.token else { return self.primary() };
        if !symbol.unary {
            return Err(self.expected("operand"));
        }
        let at = self.advance()?;
        let operand = self.nested(Self::unary)?;
        match symbol.operator {
            Some(operator) => self.make(ExprKind::Operation(operator, vec![operand]), at.offset),
            None => Err(self.no_operator(symbol.name, &at)),
        }
    }

    fn primary(&mut self) -> Result<Expr, CompileError> {
        let start = self.current.offset;
        let mut operand = self.operand()?;
        loop {
            operand = match self.current.token {
                Token::Dot => self.selector(operand)?,
                Token::LeftBracket => self.index(operand, start)?,
                Token::LeftParen => self.call(operand, start)?,
                _ => return self.value(operand, start),
            };
        }
    }

    fn operand(&mut self) -> Result<Operand<'t>, CompileError> {
        let lexeme = self.current;
        let value = match lexeme.token {
            Token::Identifier => {
                self.advance()?;
                return Ok(Operand::Name(vec![lexeme.text]));
            }
            Token::LeftParen => {
                self.advance()?;
                let inner = self.nested(|parser| parser.binary(LOOSEST))?;
                if self.current.token != Token::RightParen {
                    return Err(self.expected("')'"));
                }
                self.advance()?;
                return Ok(Operand::Value(inner));
            }
            Token::Int => lexeme.text.parse().map(Literal::Int64).map_err(|_| {
                self.syntax(lexeme.offset, &format!("{}: value out of range of INT64", cut(lexeme.text)))
            })?,
            Token::Float => match lexeme.text.parse::<f64>() {
                Ok(number) if number.is_finite() => Literal::Double(number),
                _ => {
                    return Err(
                        self.syntax(lexeme.offset, &format!("{}: value out of range", cut(lexeme.text)))
                    );
                }
            },
            Token::Text => {
                Literal::Text(unquote(lexeme.text, lexeme.offset).map_err(|error| self.lexical(error))?)
            }
            _ => return Err(self.expected("operand")),
        };
        self.advance()?;
        Ok(Operand::Value(Expr::new(ExprKind::Literal { value, text: lexeme.text.into() }, lexeme.offset)))
    }

    fn selector(&mut self, operand: Operand<'t>) -> Result<Operand<'t>, CompileError> {
        let dot = self.advance()?;
        if self.current.token != Token::Identifier {
            return Err(self.expected("selector or type assertion"));
        }
        let name = self.advance()?.text;
        match operand {
            Operand::Name(mut segments) => {
                segments.push(name);
                Ok(Operand::Name(segments))
            }
            Operand::Value(value) => Ok(Operand::Method(value, name)),
            Operand::Element(_) => {
                let mut error = self.unexpected(dot.offset, "a method of a map element");
                error.hint = Some("put the element in parentheses: (map[\"key\"]).method(…)".to_owned());
                Err(error)
            }
            Operand::Method(..) => Err(self.unexpected(dot.offset, "only attributes have dotted names")),
        }
    }

    fn index(&mut self, operand: Operand<'t>, start: usize) -> Result<Operand<'t>, CompileError> {
        let map = self.value(operand, start)?;
        let bracket = self.advance()?;
        let key = self.nested(|parser| parser.binary(LOOSEST))?;
        if self.current.token != Token::RightBracket {
            return Err(self.expected("']'"));
        }
        self.advance()?;
        self.make(ExprKind::Operation(Operator::Index, vec![map, key]), bracket.offset).map(Operand::Element)
    }

    fn call(&mut self, operand: Operand<'t>, start: usize) -> Result<Operand<'t>, CompileError> {
        let (name, target) = match operand {
            Operand::Name(segments) => match segments.split_last() {
                Some((name, target)) if !target.is_empty() => {
                    (*name, Some(Expr::new(ExprKind::Attribute(target.join(".").into()), start)))
                }
                _ => (segments.first().copied().unwrap_or_default(), None),
            },
            Operand::Method(value, name) => (name, Some(value)),
            Operand::Value(_) | Operand::Element(_) => {
                return Err(self.unexpected(start, "only names can be called"));
            }
        };
        let arguments = self.arguments()?;
        let call = ExprKind::Call { name: name.into(), target: target.map(Box::new), arguments };
        self.make(call, start).map(Operand::Value)
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, CompileError> {
        self.advance()?;
        let mut arguments = Vec::new();
        while self.current.token != Token::RightParen {
            arguments.push(self.nested(|parser| parser.binary(LOOSEST))?);
            match self.current.token {
                Token::Comma => {
                    self.advance()?;
                }
                Token::RightParen => {}
                Token::End => return Err(self.expected("')'")),
                Token::Newline => {
                    let at = self.current.offset;
                    return Err(self.syntax(at, "missing ',' before newline in argument list"));
                }
                _ => return Err(self.syntax(self.current.offset, "missing ',' in argument list")),
            }
        }
        self.advance()?;
        Ok(arguments)
    }

    /// An operand that is complete.
    fn value(&self, operand: Operand<'t>, start: usize) -> Result<Expr, CompileError> {
        let kind = match operand {
            Operand::Value(expr) | Operand::Element(expr) => return Ok(expr),
            Operand::Method(..) => return Err(self.unexpected(start, "only attributes have dotted names")),
            Operand::Name(segments) => match segments.as_slice() {
                [word] if word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false") => {
                    let value = word.eq_ignore_ascii_case("true");
                    ExprKind::Literal { value: Literal::Bool(value), text: value.to_string().into() }
                }
                _ => ExprKind::Attribute(segments.join(".").into()),
            },
        };
        Ok(Expr::new(kind, start))
    }
}
