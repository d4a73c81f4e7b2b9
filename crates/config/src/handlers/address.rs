//! Whether the address of a connection can be an address at all; it is not looked up.

/// What is wrong with an address.
pub(super) fn problem(address: &str) -> Option<String> {
    const FORMS: &str = "write host:port, dns:///host:port or unix:///path";
    if address.contains(char::is_whitespace) {
        return Some(format!("{address:?} has blanks in it; {FORMS}"));
    }
    if let Some(path) = address.strip_prefix("unix:") {
        return (path.trim_matches('/').is_empty()).then(|| format!("{address:?} names no socket; {FORMS}"));
    }
    let host_port = match address.split_once("://") {
        None => address,
        Some(("dns", rest)) => rest.rsplit('/').next().unwrap_or(rest),
        Some((scheme, _)) => return Some(format!("{address:?} begins with {scheme}://; {FORMS}")),
    };
    let (host, port) = host_port.rsplit_once(':').unwrap_or((host_port, ""));
    if host.is_empty() || (host.contains(':') && !(host.starts_with('[') && host.ends_with(']'))) {
        return Some(format!("{address:?} has no host name before the port; {FORMS}"));
    }
    match port.parse::<u16>() {
        Ok(1..) => None,
        _ => Some(format!("{address:?} has no port number; {FORMS}")),
    }
}
