//! `k8s://` URLs to what is read and how.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::Url;

/// Namespaces that one URL may name; each costs a watch for every kind.
const MAX_NAMESPACES: usize = 64;

/// What a `k8s://` URL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeLocation {
    /// The kubeconfig file; `None` for the cluster that the process runs in.
    pub kubeconfig: Option<PathBuf>,
    /// The namespaces that are read; empty for all of them.
    pub namespaces: Vec<String>,
    /// How long start-up waits for the first configuration, when the URL says so.
    pub retry_timeout: Option<Duration>,
}

/// A URL that is no place in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not `k8s://…`.
    #[error(
        "unknown config URL {0:?}: the Kubernetes source reads k8s://, or k8s:///absolute/path/of/kubeconfig"
    )]
    Scheme(String),
    /// What comes after two slashes is a host.
    #[error(
        "invalid config URL {url:?}: {host:?} is read as a host name; write three slashes, such as k8s:///{host}"
    )]
    Host {
        /// The URL.
        url: String,
        /// What stands where a host would.
        host: String,
    },
    /// A parameter that does not exist.
    #[error(
        "invalid config URL {url:?}: there is no parameter {name:?}; there are ns=A,B and retry-timeout=30s"
    )]
    Parameter {
        /// The URL.
        url: String,
        /// The parameter.
        name: String,
    },
    /// A parameter with a value that it cannot have.
    #[error("invalid config URL {url:?}: {message}")]
    Value {
        /// The URL.
        url: String,
        /// What is wrong.
        message: String,
    },
}

/// What a URL says; `k8s`, `kube` and `kubernetes` are the same scheme.
///
/// # Errors
/// Another scheme, a host, or a parameter that does not exist.
pub fn parse(text: &str) -> Result<KubeLocation, UrlError> {
    let owned = || text.to_owned();
    let value = |message: String| UrlError::Value { url: owned(), message };
    let (scheme, rest) = text.split_once("://").ok_or_else(|| UrlError::Scheme(owned()))?;
    if !matches!(scheme, "k8s" | "kube" | "kubernetes") {
        return Err(UrlError::Scheme(owned()));
    }
    let (host, _) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if !host.is_empty() {
        return Err(UrlError::Host { url: owned(), host: host.to_owned() });
    }
    let url = Url::parse(&format!("k8s://{rest}")).map_err(|error| value(error.to_string()))?;
    let mut location = KubeLocation { kubeconfig: None, namespaces: Vec::new(), retry_timeout: None };
    let path = percent_decode_str(url.path())
        .decode_utf8()
        .map_err(|_| value("the path is no UTF-8 text".to_owned()))?;
    if !matches!(&*path, "" | "/") {
        location.kubeconfig = Some(PathBuf::from(&*path));
    }
    for (name, text) in url.query_pairs() {
        match &*name {
            "ns" => location.namespaces.extend(namespaces(&text).map_err(value)?),
            "retry-timeout" => location.retry_timeout = Some(duration(&text).map_err(value)?),
            _ => return Err(UrlError::Parameter { url: owned(), name: name.into_owned() }),
        }
    }
    location.namespaces.sort();
    location.namespaces.dedup();
    if location.namespaces.len() > MAX_NAMESPACES {
        let count = location.namespaces.len();
        return Err(value(format!(
            "{count} namespaces; {MAX_NAMESPACES} are the most, leave ns out to read all"
        )));
    }
    Ok(location)
}

fn namespaces(text: &str) -> Result<Vec<String>, String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    names
        .map(|name| match is_label(name) {
            true => Ok(name.to_owned()),
            false => Err(format!(
                "{name:?} is no name of a namespace: small letters, digits and hyphens, at most 63"
            )),
        })
        .collect()
}

/// RFC 1123 label, as names of namespaces are.
fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= 63 && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// Go's way to write a duration, as far as it is whole seconds, minutes or milliseconds.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 =
        number.parse().map_err(|_| format!("retry-timeout={text} is no duration such as 30s"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        _ => Err(format!("retry-timeout={text} is no duration such as 30s")),
    }
}

#[cfg(test)]
mod tests;
