//! URIs: the checks of Go's `net/url`, which decide what is a URI at all, and the equality of the language.

use std::borrow::Cow;

use mixer_attribute::ValueType;

use super::dns;
use crate::error::{EvalError, quote};

/// A URI in parts. The parts of a scheme's own syntax (`urn:…`) are all in `opaque`.
#[derive(Debug, PartialEq)]
struct Uri<'u> {
    /// Lower case.
    scheme: Vec<u8>,
    opaque: Option<&'u [u8]>,
    user: Option<User<'u>>,
    /// Host and port, unescaped.
    host: Cow<'u, [u8]>,
    path: Cow<'u, [u8]>,
    query: Option<&'u [u8]>,
    fragment: Cow<'u, [u8]>,
}

/// User and password, unescaped.
type User<'u> = (Cow<'u, [u8]>, Option<Cow<'u, [u8]>>);

/// Which characters a part may have unescaped.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Host,
    Zone,
    Password,
    Path,
    Fragment,
}

/// `uri(text)`: not empty, and a URI or a relative reference.
pub(crate) fn validate(text: &[u8]) -> Result<(), EvalError> {
    if text.is_empty() {
        let message = "error converting string to uri: empty string".to_owned();
        return Err(EvalError::conversion(ValueType::Uri, message));
    }
    checked(text).map(|_| ())
}

/// Whether two URIs are the same: schemes of either case; for `http` and `https` the hosts as DNS names, the
/// ports as written, and all the rest as written once escapes are in order.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> Result<bool, EvalError> {
    let (mut a, mut b) = (checked(a)?, checked(b)?);
    if a.scheme != b.scheme || !matches!(&*a.scheme, b"http" | b"https") {
        return Ok(a == b);
    }
    let (host_a, port_a) = host_and_port(&a.host);
    let (host_b, port_b) = host_and_port(&b.host);
    let hosts = dns::equal(host_a, host_b).map_err(|what| EvalError::conversion(ValueType::Uri, what))?;
    if !hosts || port_a != port_b {
        return Ok(false);
    }
    a.host = Cow::Borrowed(b"");
    b.host = Cow::Borrowed(b"");
    Ok(a == b)
}

fn checked(text: &[u8]) -> Result<Uri<'_>, EvalError> {
    parse(text).map_err(|what| {
        let message = format!("error converting string to uri '{}': '{what}'", quote(text));
        EvalError::conversion(ValueType::Uri, message)
    })
}

fn parse(text: &[u8]) -> Result<Uri<'_>, String> {
    if text.iter().any(u8::is_ascii_control) {
        return Err("invalid control character in URL".to_owned());
    }
    let (rest, fragment) = split(text, b'#');
    let fragment = ordered(fragment.unwrap_or_default(), Part::Fragment)?;
    let (scheme, rest) = scheme(rest)?;
    let (rest, query) = split(rest, b'?');
    let mut uri = Uri {
        scheme: scheme.to_ascii_lowercase(),
        opaque: None,
        user: None,
        host: Cow::Borrowed(b""),
        path: Cow::Borrowed(b""),
        query,
        fragment,
    };
    let mut path = rest;
    if !rest.starts_with(b"/") {
        if !scheme.is_empty() {
            uri.opaque = Some(rest);
            return Ok(uri);
        }
        if rest.split(|b| *b == b'/').next().is_some_and(|segment| segment.contains(&b':')) {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    } else if let Some(authority) = rest.strip_prefix(b"//")
        && (!scheme.is_empty() || !authority.starts_with(b"/"))
    {
        let end = authority.iter().position(|b| *b == b'/').unwrap_or(authority.len());
        path = &authority[end..];
        (uri.user, uri.host) = parse_authority(&authority[..end])?;
    }
    uri.path = ordered(path, Part::Path)?;
    Ok(uri)
}

/// What lies before and behind the first such byte.
fn split(text: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(at, text) {
        Some(index) => (&text[..index], Some(&text[index + 1..])),
        None => (text, None),
    }
}

fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let len = text.iter().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count();
    if text.get(len) != Some(&b':') {
        return Ok((b"", text));
    }
    match text.first() {
        Some(b':') => Err("missing protocol scheme".to_owned()),
        Some(b) if b.is_ascii_alphabetic() => Ok((&text[..len], &text[len + 1..])),
        _ => Ok((b"", text)),
    }
}

fn parse_authority(authority: &[u8]) -> Result<(Option<User<'_>>, Cow<'_, [u8]>), String> {
    let Some(at) = memchr::memrchr(b'@', authority) else { return Ok((None, parse_host(authority)?)) };
    let host = parse_host(&authority[at + 1..])?;
    let info = &authority[..at];
    if !info.iter().all(|b| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(b)) {
        return Err("invalid userinfo".to_owned());
    }
    let (user, password) = split(info, b':');
    let password = password.map(|password| unescape(password, Part::Password)).transpose()?;
    Ok((Some((unescape(user, Part::Password)?, password)), host))
}

fn parse_host(host: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    if host.starts_with(b"[") {
        let Some(end) = memchr::memrchr(b']', host) else { return Err("missing ']' in host".to_owned()) };
        check_port(&host[end + 1..])?;
        if let Some(zone) = host[..end].windows(3).position(|escape| escape == b"%25") {
            let mut whole = unescape(&host[..zone], Part::Host)?.into_owned();
            whole.extend_from_slice(&unescape(&host[zone..end], Part::Zone)?);
            whole.extend_from_slice(&unescape(&host[end..], Part::Host)?);
            return Ok(Cow::Owned(whole));
        }
    } else if let Some(colon) = memchr::memrchr(b':', host) {
        check_port(&host[colon..])?;
    }
    unescape(host, Part::Host)
}

fn check_port(port: &[u8]) -> Result<(), String> {
    if is_port(port) { Ok(()) } else { Err(format!("invalid port {:?} after host", quote(port))) }
}

/// Nothing, or a colon and digits.
fn is_port(port: &[u8]) -> bool {
    port.split_first().is_none_or(|(colon, digits)| *colon == b':' && digits.iter().all(u8::is_ascii_digit))
}

fn host_and_port(host: &[u8]) -> (&[u8], &[u8]) {
    let (host, port) = match memchr::memrchr(b':', host) {
        Some(colon) if is_port(&host[colon..]) => (&host[..colon], &host[colon + 1..]),
        _ => (host, &b""[..]),
    };
    let inner = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]"));
    (inner.unwrap_or(host), port)
}

/// A part with its escapes in order: as written when nothing in it needed escaping, else escaped anew.
fn ordered(text: &[u8], part: Part) -> Result<Cow<'_, [u8]>, String> {
    let plain = unescape(text, part)?;
    let as_written = |b: &u8| b"!$&'()*+,;=:@[]%".contains(b) || !must_escape(*b, part);
    if text.iter().all(as_written) {
        return Ok(Cow::Borrowed(text));
    }
    let mut escaped = Vec::with_capacity(text.len() + 8);
    for b in plain.iter() {
        if must_escape(*b, part) {
            escaped.extend_from_slice(format!("%{b:02X}").as_bytes());
        } else {
            escaped.push(*b);
        }
    }
    Ok(Cow::Owned(escaped))
}

fn unescape(text: &[u8], part: Part) -> Result<Cow<'_, [u8]>, String> {
    let in_host = matches!(part, Part::Host | Part::Zone);
    let mut plain = Vec::new();
    let mut rest = text;
    while let Some((b, tail)) = rest.split_first() {
        if *b != b'%' {
            if in_host && b.is_ascii() && must_escape(*b, part) {
                return Err(format!("invalid character {:?} in host name", char::from(*b).to_string()));
            }
            plain.push(*b);
            rest = tail;
            continue;
        }
        let escape = &rest[..rest.len().min(3)];
        let value = escape.get(1..3).and_then(hex);
        let allowed = |value: u8| match part {
            // Only what is not ASCII may be escaped in a host, and the `%` of a zone.
            Part::Host => value >= 0x80 || escape == b"%25",
            Part::Zone => escape == b"%25" || value == b' ' || !must_escape(value, Part::Host),
            _ => true,
        };
        let Some(value) = value.filter(|value| allowed(*value)) else {
            return Err(format!("invalid URL escape {:?}", quote(escape)));
        };
        plain.push(value);
        rest = &rest[3..];
    }
    Ok(if plain == text { Cow::Borrowed(text) } else { Cow::Owned(plain) })
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    match digits {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    }
}

fn must_escape(b: u8, part: Part) -> bool {
    if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
        return false;
    }
    match part {
        Part::Host | Part::Zone => !b"!$&'()*+,;=:[]<>\"".contains(&b),
        Part::Password => !b"$&+,;=".contains(&b),
        Part::Path => !b"$&+,/:;=@".contains(&b),
        Part::Fragment => !b"$&+,/:;=?@!()*".contains(&b),
    }
}
