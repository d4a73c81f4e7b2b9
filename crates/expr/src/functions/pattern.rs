//! Regular expressions of `matches`: RE2 syntax as Go reads it, run by the `regex` crate.
//!
//! The two dialects differ in details, so a pattern is translated: `\d`, `\w`, `\s` and `\b` are ASCII in RE2;
//! `[`, `&&`, `--` and `~~` inside brackets are plain characters; `\Q…\E`, octal escapes and a literal `{` exist;
//! stacked repetitions, counts above 1000 and unknown flags are errors. What remains different: `.` does not
//! match bytes that are not UTF-8, and a pattern may not need more than [`SIZE_LIMIT`] bytes when compiled.

mod class;

use std::sync::Mutex;

use regex::bytes::{Regex, RegexBuilder};

use crate::error::{EvalError, quote};

const SIZE_LIMIT: usize = 4 << 20;
const MOST_REPEATS: u32 = 1000;

/// Compiles a pattern.
pub(crate) fn compile(pattern: &[u8]) -> Result<Regex, EvalError> {
    let bad = |message: String| EvalError::BadPattern { message: message.into() };
    let text =
        std::str::from_utf8(pattern).map_err(|_| bad(format!("invalid UTF-8: `{}`", quote(pattern))))?;
    let translated = Translator { rest: text, out: String::with_capacity(text.len() + 16), groups: 0 }
        .run()
        .map_err(|what| bad(format!("{what}: `{}`", quote(pattern))))?;
    RegexBuilder::new(&translated).size_limit(SIZE_LIMIT).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => {
            bad(format!("pattern needs more than {limit} bytes: `{}`", quote(pattern)))
        }
        // The last line says what is wrong; those before it draw the place in the translated text.
        error => {
            let text = error.to_string();
            let what = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            bad(format!("{what}: `{}`", quote(pattern)))
        }
    })
}

/// The last few patterns of a place where the pattern is computed, compiled.
#[derive(Debug, Default)]
pub(crate) struct PatternCache(Mutex<Vec<(Box<[u8]>, Regex)>>);

impl PatternCache {
    const MOST: usize = 8;

    /// The compiled pattern. When another thread holds the cache the pattern is compiled without it.
    pub(crate) fn get(&self, pattern: &[u8]) -> Result<Regex, EvalError> {
        let Ok(mut cache) = self.0.try_lock() else { return compile(pattern) };
        if let Some((_, regex)) = cache.iter().find(|(text, _)| **text == *pattern) {
            return Ok(regex.clone());
        }
        let regex = compile(pattern)?;
        if cache.len() >= Self::MOST {
            cache.remove(0);
        }
        cache.push((pattern.into(), regex.clone()));
        Ok(regex)
    }
}

struct Translator<'p> {
    rest: &'p str,
    out: String,
    groups: u32,
}

/// What a repetition operator would repeat.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Nothing,
    Something,
    Repetition,
}

impl<'p> Translator<'p> {
    fn run(mut self) -> Result<String, String> {
        let mut before = Before::Nothing;
        while let Some(c) = self.rest.chars().next() {
            before = match c {
                '\\' => self.escape()?,
                '[' => {
                    self.rest = class::translate(self.rest, &mut self.out)?;
                    Before::Something
                }
                '*' | '+' | '?' => self.repetition(before, 1)?,
                '{' => match count(self.rest) {
                    Some(len) => self.repetition(before, len)?,
                    None => self.literal(c),
                },
                '(' => self.open()?,
                ')' => {
                    self.groups = self.groups.checked_sub(1).ok_or("unexpected )")?;
                    self.copy(1);
                    Before::Something
                }
                '|' => {
                    self.copy(1);
                    Before::Nothing
                }
                '^' | '$' | '.' => {
                    self.copy(1);
                    Before::Something
                }
                c => self.literal(c),
            };
        }
        if self.groups > 0 { Err("missing closing )".to_owned()) } else { Ok(self.out) }
    }

    /// Takes so many bytes over as they are.
    fn copy(&mut self, len: usize) {
        let (taken, rest) = self.rest.split_at(len);
        self.out.push_str(taken);
        self.rest = rest;
    }

    fn literal(&mut self, c: char) -> Before {
        self.rest = &self.rest[c.len_utf8()..];
        push_literal(c, &mut self.out);
        Before::Something
    }

    fn repetition(&mut self, before: Before, len: usize) -> Result<Before, String> {
        let operator = &self.rest[..len];
        match before {
            Before::Nothing => return Err(format!("missing argument to repetition operator `{operator}`")),
            Before::Repetition => return Err(format!("invalid nested repetition operator `{operator}`")),
            Before::Something => {}
        }
        let numbers = operator.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
        for number in numbers {
            if number.parse::<u32>().map_or(true, |number| number > MOST_REPEATS) {
                return Err(format!("invalid repeat count `{operator}`"));
            }
        }
        self.copy(len);
        if self.rest.starts_with('?') {
            self.copy(1);
        }
        Ok(Before::Repetition)
    }

    /// `(`, `(?flags)`, `(?flags:` or `(?P<name>`.
    fn open(&mut self) -> Result<Before, String> {
        let Some(special) = self.rest.strip_prefix("(?") else {
            self.groups += 1;
            self.copy(1);
            return Ok(Before::Nothing);
        };
        if special.starts_with("P<") {
            self.groups += 1;
            let len = self.rest.find('>').ok_or("invalid named capture")?;
            self.copy(len + 1);
            return Ok(Before::Nothing);
        }
        if let Some(rest) = special.strip_prefix(')') {
            self.rest = rest;
            return Ok(Before::Nothing);
        }
        let flags = special.len() - special.trim_start_matches(['i', 'm', 's', 'U', '-']).len();
        match special[flags..].chars().next() {
            Some(':') => self.groups += 1,
            Some(')') => {}
            _ => return Err("invalid or unsupported Perl syntax".to_owned()),
        }
        self.copy("(?".len() + flags + 1);
        Ok(Before::Nothing)
    }

    fn escape(&mut self) -> Result<Before, String> {
        let escaped = &self.rest[1..];
        let letter = escaped.chars().next().ok_or("trailing backslash at end of expression")?;
        match letter {
            'A' | 'z' => self.copy(2),
            'b' | 'B' => {
                self.rest = &escaped[1..];
                self.out.push_str(if letter == 'b' { "(?-u:\\b)" } else { "(?-u:\\B)" });
            }
            'Q' => {
                let (literal, rest) = escaped[1..].split_once("\\E").unwrap_or((&escaped[1..], ""));
                literal.chars().for_each(|c| push_literal(c, &mut self.out));
                self.rest = rest;
                return Ok(if literal.is_empty() { Before::Nothing } else { Before::Something });
            }
            _ => match class::escape(self.rest)? {
                (class::Escape::Set(set), rest) => {
                    self.out.push_str(&set);
                    self.rest = rest;
                }
                (class::Escape::Char(c), rest) => {
                    push_literal(c, &mut self.out);
                    self.rest = rest;
                }
            },
        }
        Ok(Before::Something)
    }
}

/// Adds a character that stands for itself.
fn push_literal(c: char, out: &mut String) {
    if r"\.+*?()|[]{}^$#&-~".contains(c) {
        out.push('\\');
    }
    out.push(c);
}

/// The length of `{n}`, `{n,}` or `{n,m}` at the beginning of the text.
fn count(text: &str) -> Option<usize> {
    let end = text.find('}')?;
    let (least, most) = text[1..end].split_once(',').unwrap_or((&text[1..end], ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    (!least.is_empty() && digits(least) && digits(most)).then_some(end + 1)
}
