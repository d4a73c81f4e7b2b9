//! DNS names: validation and equality, by UTS 46.

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use mixer_attribute::ValueType;

use crate::error::{EvalError, quote};

/// `dnsName(text)`: the text with `xn--` labels in their Unicode form. Upper case stays, and characters that
/// host names do not have are let through, as in the original; what is refused is an empty name or label
/// (one dot at the end is fine), a label that begins or ends with a hyphen or has two as its third and fourth
/// character, bad Punycode, and what UTS 46 disallows.
pub(crate) fn convert(text: Cow<'_, [u8]>) -> Result<Cow<'_, [u8]>, EvalError> {
    let invalid = |label: &str| {
        let message =
            format!("error converting '{}' to dns name: 'idna: invalid label {label:?}'", quote(&text));
        EvalError::conversion(ValueType::DnsName, message)
    };
    let Ok(name) = std::str::from_utf8(&text) else { return Err(invalid(&quote(&text))) };
    let mut unicode = Vec::new();
    let mut has_punycode = false;
    for label in name.strip_suffix('.').unwrap_or(name).split('.') {
        if label.is_empty() {
            return Err(invalid(name));
        }
        let punycode = label.starts_with("xn--");
        has_punycode |= punycode;
        if punycode || !label.is_ascii() {
            let (form, result) =
                Uts46::new().to_unicode(label.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Check);
            if result.is_err() || form.is_empty() {
                return Err(invalid(label));
            }
            unicode.push(if punycode { form } else { Cow::Borrowed(label) });
        } else if bad_hyphens(label.as_bytes()) {
            return Err(invalid(label));
        } else {
            unicode.push(Cow::Borrowed(label));
        }
    }
    if !has_punycode {
        return Ok(text);
    }
    let end = if name.ends_with('.') { "." } else { "" };
    Ok(Cow::Owned((unicode.join(".") + end).into_bytes()))
}

fn bad_hyphens(label: &[u8]) -> bool {
    label.starts_with(b"-") || label.ends_with(b"-") || label.get(2..4) == Some(b"--")
}

/// Whether two names are the same host: letters of either case, one dot at the end ignored.
///
/// # Errors
/// A name has characters that no host name has, bad Punycode or misplaced hyphens: the text begins with `idna:`.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> Result<bool, String> {
    let (a, b) = (lookup_form(a)?, lookup_form(b)?);
    Ok(without_dot(&a).eq_ignore_ascii_case(without_dot(&b)))
}

fn without_dot(name: &[u8]) -> &[u8] {
    name.strip_suffix(b".").filter(|name| !name.is_empty()).unwrap_or(name)
}

/// The name as it is looked up; plain ASCII names are not copied.
fn lookup_form(name: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let plain =
        |label: &[u8]| label.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-') && !bad_hyphens(label);
    if name.split(|b| *b == b'.').all(plain) {
        return Ok(Cow::Borrowed(name));
    }
    match Uts46::new().to_ascii(name, AsciiDenyList::STD3, Hyphens::Check, DnsLength::Ignore) {
        Ok(ascii) => Ok(Cow::Owned(ascii.into_owned().into_bytes())),
        Err(_) => Err(format!("idna: '{}' is not a host name", quote(name))),
    }
}
