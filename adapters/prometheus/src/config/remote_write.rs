//! Where metrics are sent by remote write, and how.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use mixer_adapter_sdk::delivery::http::{HttpOptions, Url};
use mixer_adapter_sdk::delivery::params::ConnectionParams;
use mixer_adapter_sdk::params::Problems;

use super::names;
use crate::generated::params::RemoteWrite;
use crate::generated::params::remote_write::Protocol as RawProtocol;

const DEFAULT_PERIOD: Duration = Duration::from_secs(15);
const SHORTEST_PERIOD: Duration = Duration::from_secs(1);
const DEFAULT_MAX_SERIES: i64 = 2000;
const USER_AGENT: &str = concat!("mixer-prometheus-adapter/", env!("CARGO_PKG_VERSION"));
const DEFAULT_REPLICA_LABEL: &str = "replica";

/// Headers that say what a request is; these are ours. (Remote-Write 2.0, "Protocol".)
const RESERVED: [HeaderName; 6] = [
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::HOST,
    header::USER_AGENT,
    HeaderName::from_static("x-prometheus-remote-write-version"),
];

/// A receiver, and how series are sent to it.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) url: Url,
    /// Labels that every series gets unless it has one of that name.
    pub(crate) external_labels: BTreeMap<String, String>,
    /// Name of the label whose value tells replicas apart.
    pub(crate) replica_label: Option<String>,
    pub(crate) protocol: Protocol,
    pub(crate) period: Duration,
    pub(crate) auth: Auth,
    pub(crate) headers: HeaderMap,
    pub(crate) header_files: Vec<(HeaderName, PathBuf)>,
    pub(crate) http: HttpOptions,
    /// The most series of one request.
    pub(crate) max_series: usize,
    pub(crate) exemplars: bool,
    pub(crate) native_histograms: bool,
    /// As it was written: what is the same needs no new connection.
    pub(crate) raw: RemoteWrite,
}

/// What makes series of one sender different from those of another. Two configurations with the same identity share a
/// sender, so that an edit does not begin anew and two handlers do not write the same series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) url: Url,
    /// Sorted by name.
    pub(crate) external_labels: Vec<(String, String)>,
}

/// Which version of the protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// 2.0 until the receiver turns out not to know it.
    Auto,
    V1,
    V2,
}

/// Who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    None,
    Basic { username: String, password_file: PathBuf },
    Bearer { token_file: PathBuf },
}

impl Destination {
    /// Its identity for a replica.
    pub(crate) fn identity(&self, replica: &str) -> Identity {
        let mut labels: Vec<_> =
            self.external_labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(name) = self.replica_label.as_ref().filter(|_| !replica.is_empty()) {
            labels.push((name.clone(), replica.to_owned()));
        }
        labels.sort_unstable();
        Identity { url: self.url.clone(), external_labels: labels }
    }
}

/// The checked destinations; those with problems are left out.
pub(super) fn check(raw: &[RemoteWrite], problems: &mut Problems) -> Vec<Destination> {
    let mut checked: Vec<Destination> = Vec::with_capacity(raw.len());
    for (index, raw) in raw.iter().enumerate() {
        let field = format!("remote_write[{index}]");
        let Some(destination) = destination(&field, raw, problems) else { continue };
        if checked.iter().any(|other| other.identity("") == destination.identity("")) {
            problems.add(
                format!("{field}.url"),
                "is there twice with the same external_labels: both would write the same series",
            );
        }
        checked.push(destination);
    }
    checked
}

fn destination(field: &str, raw: &RemoteWrite, problems: &mut Problems) -> Option<Destination> {
    let name = |name: &str| format!("{field}.{name}");
    let url = url(name("url"), &raw.url, problems);
    let replica_label = raw.replica_label.as_deref().unwrap_or(DEFAULT_REPLICA_LABEL);
    let replica_label = Some(replica_label.to_owned()).filter(|label| !label.is_empty());
    external_labels(field, raw, replica_label.as_deref(), problems);
    let protocol = match RawProtocol::try_from(raw.protocol) {
        Ok(RawProtocol::Auto) => Protocol::Auto,
        Ok(RawProtocol::V1) => Protocol::V1,
        Ok(RawProtocol::V2) => Protocol::V2,
        Err(_) => {
            problems.add(name("protocol"), "is not AUTO, V1 or V2");
            Protocol::Auto
        }
    };
    let period = problems.duration(&name("send_period"), raw.send_period.as_ref(), DEFAULT_PERIOD);
    if period < SHORTEST_PERIOD {
        problems.add(name("send_period"), "must be at least 1s");
    }
    let max_series = name("max_series_per_request");
    let max_series = problems.at_least(&max_series, raw.max_series_per_request, 1, DEFAULT_MAX_SERIES);
    let auth = auth(field, raw, problems);
    let (headers, header_files) = headers(field, raw, &auth, problems);
    let connection = ConnectionParams {
        ca_file: &raw.ca_file,
        client_certificate_file: &raw.client_certificate_file,
        client_key_file: &raw.client_key_file,
        proxy_url: &raw.proxy_url,
        request_timeout: raw.request_timeout.as_ref(),
        connect_timeout: raw.connect_timeout.as_ref(),
    };
    let http = connection.check(&format!("{field}."), USER_AGENT, problems);
    Some(Destination {
        url: url?,
        external_labels: raw.external_labels.clone(),
        replica_label,
        protocol,
        period,
        auth,
        headers,
        header_files,
        http,
        max_series: usize::try_from(max_series).unwrap_or(usize::MAX),
        exemplars: raw.send_exemplars.unwrap_or(true),
        native_histograms: raw.send_native_histograms.unwrap_or(true),
        raw: raw.clone(),
    })
}

fn url(field: String, text: &str, problems: &mut Problems) -> Option<Url> {
    let url = text.parse::<Url>().ok();
    let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) else {
        problems.add(field, "is not a URL; write it as https://host/api/v1/write");
        return None;
    };
    if url.password().is_some() || !url.username().is_empty() {
        problems.add(field, "holds a user or a password; use basic_auth, which keeps the password in a file");
        return None;
    }
    Some(url)
}

fn external_labels(field: &str, raw: &RemoteWrite, replica: Option<&str>, problems: &mut Problems) {
    let no_name = "is no name of a label; use letters, digits and _, and no __ at the beginning";
    let is_usable = |name: &str| names::is_label_name(name) && !name.starts_with("__");
    if let Some(replica) = replica.filter(|name| !is_usable(name)) {
        problems.add(format!("{field}.replica_label"), format!("{replica:?} {no_name}"));
    }
    for (name, value) in &raw.external_labels {
        let label = format!("{field}.external_labels[{name}]");
        if !is_usable(name) {
            problems.add(label, no_name);
        } else if value.is_empty() {
            problems.add(label, "has no value");
        } else if replica == Some(name.as_str()) {
            problems.add(label, "is the replica_label too; give one of them another name");
        }
    }
}

fn auth(field: &str, raw: &RemoteWrite, problems: &mut Problems) -> Auth {
    let Some(basic) = &raw.basic_auth else {
        return match raw.bearer_token_file.as_str() {
            "" => Auth::None,
            file => Auth::Bearer { token_file: file.into() },
        };
    };
    if !raw.bearer_token_file.is_empty() {
        problems.add(format!("{field}.bearer_token_file"), "is there beside basic_auth; use one of them");
    }
    if basic.username.is_empty() || basic.username.contains(':') {
        problems.add(format!("{field}.basic_auth.username"), "is empty or holds a colon");
    }
    if basic.password_file.is_empty() {
        problems.add(format!("{field}.basic_auth.password_file"), "is missing");
    }
    Auth::Basic { username: basic.username.clone(), password_file: (&basic.password_file).into() }
}

fn headers(
    field: &str,
    raw: &RemoteWrite,
    auth: &Auth,
    problems: &mut Problems,
) -> (HeaderMap, Vec<(HeaderName, PathBuf)>) {
    let (mut headers, mut files) = (HeaderMap::new(), Vec::new());
    let check_name = |field: &str, text: &str, problems: &mut Problems| {
        let Ok(name) = text.parse::<HeaderName>() else {
            problems.add(field, "is no name of a header");
            return None;
        };
        let problem = if RESERVED.contains(&name) {
            "is a header that belongs to remote write"
        } else if name == header::AUTHORIZATION && *auth != Auth::None {
            "is there beside basic_auth or bearer_token_file; use one of them"
        } else {
            return Some(name);
        };
        problems.add(field, problem);
        None
    };
    for (text, value) in &raw.headers {
        let field = format!("{field}.headers[{text}]");
        let Some(name) = check_name(&field, text, problems) else { continue };
        match HeaderValue::from_str(value) {
            Ok(value) => drop(headers.insert(name, value)),
            Err(_) => problems.add(field, "has characters that no header may have"),
        }
    }
    for (text, file) in &raw.header_files {
        let field = format!("{field}.header_files[{text}]");
        let Some(name) = check_name(&field, text, problems) else { continue };
        if headers.contains_key(&name) {
            problems.add(field, "is among `headers` too");
        } else if file.is_empty() {
            problems.add(field, "names no file");
        } else {
            files.push((name, file.into()));
        }
    }
    (headers, files)
}
