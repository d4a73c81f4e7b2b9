//! E-mail addresses by RFC 5322, as far as Go's `net/mail` reads them: dot-atoms or quoted text before the `@`,
//! a dot-atom behind it, optionally in angle brackets.

use mixer_attribute::ValueType;

use super::dns;
use crate::error::{EvalError, quote};

#[derive(Debug)]
struct Address {
    has_name: bool,
    /// Unquoted.
    local: Vec<u8>,
    domain: Vec<u8>,
}

/// `email(text)`: the text must be one address without a display name, its domain a DNS name.
pub(crate) fn validate(text: &[u8]) -> Result<(), EvalError> {
    let error = |what: &str| {
        let message = format!("error converting '{}' to e-mail: {what}", quote(text));
        EvalError::conversion(ValueType::EmailAddress, message)
    };
    let address = parse(text).map_err(|what| error(&format!("'{what}'")))?;
    if address.has_name {
        return Err(error("display names are not allowed"));
    }
    dns::convert(address.domain.into()).map_err(|what| error(&format!("'{what}'")))?;
    Ok(())
}

/// Whether two addresses are the same: the part before the `@` as written, the domain as a DNS name.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> Result<bool, EvalError> {
    let error = |message: String| EvalError::conversion(ValueType::EmailAddress, message);
    let address = |text| parse(text).map_err(|what| error(what.to_owned()));
    let (first, second) = (address(a)?, address(b)?);
    let domains = dns::equal(&first.domain, &second.domain).map_err(|what| {
        error(format!("error comparing e-mails '{}' and '{}': {what}", quote(a), quote(b)))
    })?;
    Ok(domains && first.local == second.local)
}

fn parse(text: &[u8]) -> Result<Address, &'static str> {
    let text = skip_blanks(text);
    if text.is_empty() {
        return Err("mail: no address");
    }
    let (mut address, rest) = match address_spec(text) {
        Some(parsed) => parsed,
        None => named_address(text)?,
    };
    let rest = skip_blanks(rest);
    match rest {
        [] => Ok(address),
        // A comment behind the address is an old form of display name.
        [b'(', inner @ .., b')'] if !inner.iter().any(|b| matches!(b, b'(' | b')' | b'\\')) => {
            address.has_name = !skip_blanks(inner).is_empty();
            Ok(address)
        }
        _ => Err("mail: expected single address"),
    }
}

/// `<a@b>` or `Some Name <a@b>`.
fn named_address(text: &[u8]) -> Result<(Address, &[u8]), &'static str> {
    let mut rest = text;
    let mut has_name = false;
    let mut words = 0;
    let mut only_atoms = true;
    while !rest.starts_with(b"<") {
        let behind = match quoted(rest) {
            Some((word, behind)) => {
                only_atoms = false;
                has_name |= !word.is_empty();
                behind
            }
            None => {
                let len = rest.iter().take_while(|b| is_atom(**b) || b".()[];@\\,".contains(b)).count();
                only_atoms &= rest[..len].iter().all(|b| is_atom(*b) || *b == b'.');
                has_name |= len > 0;
                &rest[len..]
            }
        };
        if behind.len() == rest.len() {
            return Err("mail: no angle-addr");
        }
        words += 1;
        rest = skip_blanks(behind);
        if rest.is_empty() {
            let one_atom = only_atoms && words == 1;
            return Err(if one_atom { "mail: missing '@' or angle-addr" } else { "mail: no angle-addr" });
        }
    }
    let (mut address, rest) = address_spec(&rest[1..]).ok_or("mail: no address in angle brackets")?;
    address.has_name = has_name;
    let rest = rest.strip_prefix(b">").ok_or("mail: unclosed angle-addr")?;
    Ok((address, rest))
}

/// `local@domain` and what follows.
fn address_spec(text: &[u8]) -> Option<(Address, &[u8])> {
    let text = skip_blanks(text);
    let (local, rest) = match quoted(text) {
        Some((local, _)) if local.is_empty() => return None,
        Some(parsed) => parsed,
        None => {
            let (atom, rest) = dot_atom(text)?;
            (atom.to_vec(), rest)
        }
    };
    let rest = rest.strip_prefix(b"@")?;
    let (domain, rest) = dot_atom(skip_blanks(rest))?;
    Some((Address { has_name: false, local, domain: domain.to_vec() }, rest))
}

/// Atoms joined by single dots.
fn dot_atom(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = text.iter().take_while(|b| is_atom(**b) || **b == b'.').count();
    let (atom, rest) = text.split_at(len);
    (!atom.split(|b| *b == b'.').any(<[u8]>::is_empty)).then_some((atom, rest))
}

/// Quoted text without its quotes and escapes.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut inner = Vec::new();
    loop {
        match rest {
            [b'"', behind @ ..] => return Some((inner, behind)),
            [b'\\', escaped @ (b'\t' | b' '..=b'~' | 0x80..), behind @ ..]
            | [escaped @ (b'\t' | b' '..=b'[' | b']'..=b'~' | 0x80..), behind @ ..] => {
                inner.push(*escaped);
                rest = behind;
            }
            _ => return None,
        }
    }
}

fn is_atom(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b >= 0x80 || b"!#$%&'*+-/=?^_`{|}~".contains(&b)
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    &text[blanks..]
}
