//! Fields that name things: files, sockets, hosts, headers and URLs. What might be a secret is never repeated in a message.

use mixer_template::Node;

use crate::fields::{Fields, Text, json_name};
use crate::report::Report;

/// The path of a file.
pub(super) fn file(fields: &mut Fields<'_>, name: &'static str, report: &mut Report<'_>) -> Option<String> {
    let text = fields.text(name, report)?;
    match absolute_path(text) {
        Ok(path) => Some(path),
        Err(message) => {
            report.error(&fields.path(&json_name(name)), text.position, message);
            None
        }
    }
}

/// The absolute path that a text is. The text is not shown: it may be a secret in the wrong place.
pub(super) fn absolute_path(text: Text<'_>) -> Result<String, &'static str> {
    let path = text.trimmed();
    if path.contains("-----BEGIN") || path.contains(char::is_control) {
        return Err(
            "holds a value where the path of a file belongs; put the value into a file (a mounted Secret) and \
                    name the file",
        );
    }
    match path.starts_with('/') && !path.ends_with('/') {
        true => Ok(path.to_owned()),
        false => Err(
            "is not the absolute path of a file (/etc/certs/key.pem); a secret itself is not taken here, it \
                      belongs into the file",
        ),
    }
}

/// The path of the socket that a source is served at.
pub(super) fn socket(fields: &mut Fields<'_>, node: &Node, report: &mut Report<'_>) -> Option<String> {
    let path = fields.path("socket");
    let before = report.errors();
    let Some(text) = fields.text("socket", report) else {
        if report.errors() == before {
            report.error(&path, node.position, "is missing; set it to unix:///path");
        }
        return None;
    };
    let socket = text.trimmed();
    let socket = socket.strip_prefix("unix://").or_else(|| socket.strip_prefix("unix:")).unwrap_or(socket);
    match socket.starts_with('/') && !socket.ends_with('/') {
        true => Some(socket.to_owned()),
        false => {
            report.error(
                &path,
                text.position,
                format!("{:?} is no socket file; write unix:///path", text.text),
            );
            None
        }
    }
}

/// A host name or an address.
pub(super) fn host(fields: &mut Fields<'_>, name: &'static str, report: &mut Report<'_>) -> Option<String> {
    let text = fields.text(name, report)?;
    let host = text.trimmed();
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    if is_address || (is_name && !host.starts_with('.') && !host.contains("..") && host.len() < 254) {
        return Some(host.to_owned());
    }
    let message = format!("{host:?} is no host name; SPIFFE ids go into subjectAltNames");
    report.error(&fields.path(&json_name(name)), text.position, message);
    None
}

/// Whether calls may carry a header of this name beside those that they have.
pub(super) fn header_problem(name: &str) -> Option<String> {
    const TAKEN: [&str; 8] = [
        "connection",
        "content-length",
        "content-type",
        "host",
        "te",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    ];
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let lower = name.to_ascii_lowercase();
    if !is_name {
        return Some(format!("{name:?} is no name of a header"));
    }
    if TAKEN.contains(&&*lower) || lower.starts_with("grpc-") || lower.ends_with("-bin") {
        return Some(format!("{name:?} has a meaning of its own in gRPC; choose another header"));
    }
    None
}

/// What is wrong with the URL of a token endpoint. It is not shown: it may hold a password.
pub(super) fn url_problem(url: &str) -> Option<&'static str> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => authority.split(':').next().unwrap_or(authority),
    };
    if authority.contains('@') {
        return Some(
            "holds a user or password; name the client by clientId and the file of its secret by clientSecret",
        );
    }
    if host.is_empty() || url.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Some("is no URL; write https://host/path");
    }
    let is_loopback =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|host| host.is_loopback());
    match scheme {
        "https" => None,
        "http" if is_loopback => None,
        "http" => Some("would send the client's secret in plaintext; write https://"),
        _ => Some("is no URL of HTTP; write https://host/path"),
    }
}
