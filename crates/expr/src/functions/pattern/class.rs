//! Escapes and bracket classes of RE2, translated for the `regex` crate.

use super::push_literal;

const NAMES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// What an escape stands for.
pub(super) enum Escape {
    /// One character.
    Char(char),
    /// A class that can stand alone and inside brackets.
    Set(String),
}

/// Reads the escape at the beginning of the text; gives what follows it.
pub(super) fn escape(text: &str) -> Result<(Escape, &str), String> {
    let escaped = &text[1..];
    let letter = escaped.chars().next().ok_or("trailing backslash at end of expression")?;
    let rest = &escaped[letter.len_utf8()..];
    let invalid = || format!("invalid escape sequence: `\\{letter}`");
    let set = match letter {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => "[\\t\\n\\x0C\\r ]",
        'S' => "[^\\t\\n\\x0C\\r ]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        'p' | 'P' => return property(letter, rest),
        _ => {
            let c = match letter {
                'a' => '\x07',
                'f' => '\x0c',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\x0b',
                'x' => return hex(rest),
                '0'..='7' => return octal(escaped),
                c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
                _ => return Err(invalid()),
            };
            return Ok((Escape::Char(c), rest));
        }
    };
    Ok((Escape::Set(set.to_owned()), rest))
}

/// `\pL`, `\p{Greek}`, `\p{^Greek}`.
fn property(letter: char, rest: &str) -> Result<(Escape, &str), String> {
    let invalid = || format!("invalid character class range: `\\{letter}`");
    let (name, rest) = match rest.strip_prefix('{') {
        Some(inner) => inner.split_once('}').ok_or_else(invalid)?,
        None => rest.split_at(rest.chars().next().ok_or_else(invalid)?.len_utf8()),
    };
    let (negated, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
    let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !word || !name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return Err(invalid());
    }
    let letter = if negated == (letter == 'p') { 'P' } else { 'p' };
    Ok((Escape::Set(format!("\\{letter}{{{name}}}")), rest))
}

/// What follows `\x`: two digits, or any number in braces.
fn hex(rest: &str) -> Result<(Escape, &str), String> {
    let (digits, rest) = match rest.strip_prefix('{') {
        Some(inner) => inner.split_once('}').unwrap_or_default(),
        None => (rest.get(..2).unwrap_or_default(), rest.get(2..).unwrap_or_default()),
    };
    let value = if digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        u32::from_str_radix(digits, 16).ok()
    } else {
        None
    };
    let c = value.and_then(char::from_u32).ok_or("invalid escape sequence: `\\x`")?;
    Ok((Escape::Char(c), rest))
}

/// Up to three octal digits; one alone, other than 0, would be a back-reference, which RE2 does not have.
fn octal(digits: &str) -> Result<(Escape, &str), String> {
    let len = digits.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
    if len == 1 && !digits.starts_with('0') {
        return Err(format!("invalid escape sequence: `\\{}`", &digits[..1]));
    }
    let c = u32::from_str_radix(&digits[..len], 8).ok().and_then(char::from_u32);
    Ok((Escape::Char(c.ok_or("invalid escape sequence")?), &digits[len..]))
}

/// Translates the bracket class at the beginning of the text; gives what follows it.
pub(super) fn translate<'p>(text: &'p str, out: &mut String) -> Result<&'p str, String> {
    let mut rest = &text[1..];
    out.push('[');
    if let Some(tail) = rest.strip_prefix('^') {
        out.push('^');
        rest = tail;
    }
    let mut first = true;
    loop {
        if let Some(tail) = rest.strip_prefix(']')
            && !first
        {
            out.push(']');
            return Ok(tail);
        }
        first = false;
        rest = element(rest, out)?;
    }
}

/// One element of a class: a named class, an escape, a character or a range.
fn element<'p>(text: &'p str, out: &mut String) -> Result<&'p str, String> {
    if let Some(inner) = text.strip_prefix("[:")
        && let Some((name, rest)) = inner.split_once(":]")
    {
        if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(format!("invalid character class range: `[:{name}:]`"));
        }
        out.push_str("[:");
        out.push_str(name);
        out.push_str(":]");
        return Ok(rest);
    }
    let (low, rest) = match member(text)? {
        (Escape::Set(set), rest) => {
            out.push_str(&set);
            return Ok(rest);
        }
        (Escape::Char(c), rest) => (c, rest),
    };
    push_literal(low, out);
    // A hyphen before the closing bracket is a hyphen.
    let Some(behind) = rest.strip_prefix('-').filter(|behind| !behind.starts_with(']')) else {
        return Ok(rest);
    };
    let (Escape::Char(high), tail) = member(behind)? else {
        return Err("invalid character class range".to_owned());
    };
    if high < low {
        return Err(format!("invalid character class range: `{low}-{high}`"));
    }
    out.push('-');
    push_literal(high, out);
    Ok(tail)
}

fn member(text: &str) -> Result<(Escape, &str), String> {
    match text.chars().next() {
        None => Err("missing closing ]".to_owned()),
        Some('\\') => escape(text),
        Some(c) => Ok((Escape::Char(c), &text[c.len_utf8()..])),
    }
}
