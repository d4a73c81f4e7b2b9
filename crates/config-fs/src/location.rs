//! `fs:///dir` URLs to paths.

use std::path::PathBuf;

/// A URL that names no directory or file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not `fs://…`.
    #[error("unknown config URL {0:?}: the file source reads fs:///absolute/path")]
    Scheme(String),
    /// What comes after two slashes is a host, and files have none.
    #[error(
        "invalid config URL {url:?}: {host:?} is read as a host name; write three slashes, such as fs:///{host}{path}"
    )]
    Host {
        /// The URL.
        url: String,
        /// What stands where a host would.
        host: String,
        /// The path after it.
        path: String,
    },
    /// Nothing after the slashes.
    #[error("invalid config URL {0:?}: a path is missing; write fs:///absolute/path")]
    NoPath(String),
    /// `?` or `#`, or `%` without two hexadecimal digits.
    #[error(
        "invalid config URL {0:?}: fs:// takes no parameters; write %3F for a question mark, %23 for #, %25 for % in a path"
    )]
    Path(String),
}

/// The path of an `fs:///` URL, percent signs decoded.
pub(crate) fn path_of(url: &str) -> Result<PathBuf, UrlError> {
    let owned = || url.to_owned();
    let rest = url.strip_prefix("fs://").ok_or_else(|| UrlError::Scheme(owned()))?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if !host.is_empty() {
        return Err(UrlError::Host { url: owned(), host: host.to_owned(), path: path.to_owned() });
    }
    if path.is_empty() {
        return Err(UrlError::NoPath(owned()));
    }
    if path.contains(['?', '#']) {
        return Err(UrlError::Path(owned()));
    }
    decode(path).map(PathBuf::from).ok_or_else(|| UrlError::Path(owned()))
}

fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(digit()? << 4 | digit()?);
    }
    String::from_utf8(bytes).ok()
}
