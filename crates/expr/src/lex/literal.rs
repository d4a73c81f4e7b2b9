//! What a quoted text stands for: Go's escapes. The result is bytes: `\xff` need not be UTF-8.

use super::LexError;

/// The bytes of a quoted token; `offset` is the token's place in the expression.
pub(crate) fn unquote(token: &str, offset: usize) -> Result<Vec<u8>, LexError> {
    let inner = token.get(1..token.len().saturating_sub(1)).unwrap_or_default();
    if token.starts_with('`') {
        return Ok(inner.bytes().filter(|b| *b != b'\r').collect());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut characters = 0;
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        characters += 1;
        if c == '\\' {
            let at = offset + 1 + (inner.len() - rest.len());
            rest = escape(&rest[1..], token, at, &mut bytes)?;
        } else {
            rest = &rest[c.len_utf8()..];
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    if token.starts_with('\'') && characters != 1 {
        return Err(LexError::new(offset, "illegal rune literal: single quotes hold exactly one character"));
    }
    Ok(bytes)
}

/// Reads what follows a backslash; gives the text behind it.
fn escape<'t>(rest: &'t str, token: &str, at: usize, bytes: &mut Vec<u8>) -> Result<&'t str, LexError> {
    let unknown = || LexError::new(at + 1, "unknown escape sequence");
    let letter = rest.chars().next().ok_or_else(unknown)?;
    let simple = match letter {
        'a' => Some(7),
        'b' => Some(8),
        'f' => Some(12),
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        'v' => Some(11),
        '\\' => Some(b'\\'),
        '\'' | '"' if token.starts_with(letter) => Some(letter as u8),
        _ => None,
    };
    if let Some(byte) = simple {
        bytes.push(byte);
        return Ok(&rest[1..]);
    }
    let (digits, radix, skip) = match letter {
        '0'..='7' => (3, 8, 0),
        'x' => (2, 16, 1),
        'u' => (4, 16, 1),
        'U' => (8, 16, 1),
        _ => return Err(unknown()),
    };
    let number = rest.get(skip..skip + digits).filter(|text| text.chars().all(|c| c.is_digit(radix)));
    let Some(value) = number.and_then(|text| u32::from_str_radix(text, radix).ok()) else {
        return Err(LexError::new(at + 1, format!("escape sequence needs {digits} digits")));
    };
    let rest = &rest[skip + digits..];
    if digits <= 3 {
        let byte =
            u8::try_from(value).map_err(|_| LexError::new(at + 1, "escape sequence is above \\377"))?;
        bytes.push(byte);
        return Ok(rest);
    }
    let Some(c) = char::from_u32(value) else {
        return Err(LexError::new(at + 1, "escape sequence is invalid Unicode code point"));
    };
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(rest)
}
