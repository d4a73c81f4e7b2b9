//! Observation channels: where values that the adapter received can be seen.
//!
//! A dry-run file has one JSON object on each line, one line for each instance:
//!
//! ```json
//! {"template":"metric","name":"conform.instance.conform","instance":{"value":"1.5s","dimensions":{"conform":"x"}},"handler_config_sha256":"…"}
//! ```
//!
//! `template` and `instance` are required; a line with `error` in place of `instance` is passed over. The fields of `instance` have their names in the template; a policy
//! `Value` and its wrappers are the bare value: text, number, bool, an IP address as text, a timestamp as RFC 3339 with
//! as many digits as it has, a duration as Go or protobuf writes it (`1m1.5s`, `61.5s`) or as seconds. The JSON form of
//! protobuf is read too. `handler_config_sha256` is the hexadecimal SHA-256 of the `value` of `adapter_config`.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use mixer_harness::{HttpClient, client};
use serde::Deserialize;
use serde_json::Value as Json;
use tokio::time::Instant;

use http_body_util::BodyExt as _;

use super::sample::{MARK, Sent};

/// How often it is looked again.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Where values can be seen.
#[derive(Clone, Debug, Default)]
pub enum Observe {
    /// Nowhere: only what the protocol shows is claimed.
    #[default]
    Nothing,
    /// In the file that the adapter's dry run appends to.
    DryRun(PathBuf),
    /// At the URL of a Prometheus text endpoint, such as `http://127.0.0.1:42422/metrics`. The `params` of the handler
    /// have to make a COUNTER with the label `conform` of the suite's metric instance.
    Prometheus(String),
}

impl Observe {
    /// The channel that a word of a command line means: a URL of a scrape endpoint, or a file.
    pub fn parse(text: &str) -> Self {
        if text.starts_with("http://") {
            Self::Prometheus(text.to_owned())
        } else {
            Self::DryRun(text.into())
        }
    }
}

/// One line of a dry run.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) template: String,
    #[serde(default)]
    pub(crate) instance: Json,
    /// Why there is no instance.
    #[serde(default)]
    error: Option<Json>,
    #[serde(default)]
    pub(crate) handler_config_sha256: Option<String>,
}

/// An opened channel.
pub(crate) enum Channel {
    Nothing,
    DryRun { path: PathBuf },
    Prometheus { url: String, client: Box<HttpClient> },
}

impl Channel {
    pub(crate) fn open(observe: &Observe) -> Self {
        match observe {
            Observe::Nothing => Self::Nothing,
            Observe::DryRun(path) => Self::DryRun { path: path.clone() },
            Observe::Prometheus(url) => Self::Prometheus { url: url.clone(), client: Box::new(client()) },
        }
    }

    /// How long the dry-run file is.
    pub(crate) fn position(&self) -> u64 {
        match self {
            Self::DryRun { path } => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
            _ => 0,
        }
    }
}

/// The lines of a template that were appended behind a position, once there are enough or time is up. With a mark only
/// those that carry it.
pub(crate) async fn lines(
    path: &PathBuf,
    position: u64,
    (template, mark): (&str, Option<&str>),
    (count, patience): (usize, Duration),
) -> Result<Vec<Line>, String> {
    let until = Instant::now() + patience;
    loop {
        let late = Instant::now() >= until;
        let text = match std::fs::read(path) {
            Ok(text) => text,
            // Perhaps the first instance makes it.
            Err(error) if error.kind() == ErrorKind::NotFound && !late => Vec::new(),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        let new = text.get(usize::try_from(position).unwrap_or(usize::MAX)..).unwrap_or_default();
        let mut found = Vec::new();
        // The last line may be half written.
        let complete = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let whole = new.get(..complete).unwrap_or_default();
        for line in whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Line = serde_json::from_slice(line).map_err(|error| {
                let shown = String::from_utf8_lossy(line);
                format!("{}: {error} in the line {shown}", path.display())
            })?;
            if line.error.is_some() {
                continue;
            }
            if line.instance.is_null() {
                return Err(format!("{}: a line has no instance", path.display()));
            }
            if line.template == template && mark.is_none_or(|mark| contains(&line.instance, mark)) {
                found.push(line);
            }
        }
        if found.len() >= count || late {
            return Ok(found);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

fn contains(json: &Json, mark: &str) -> bool {
    match json {
        Json::String(text) => text == mark,
        Json::Array(items) => items.iter().any(|item| contains(item, mark)),
        Json::Object(members) => members.values().any(|member| contains(member, mark)),
        _ => false,
    }
}

/// The samples of a scrape that carry a mark, as soon as there is one.
pub(crate) async fn samples(
    client: &HttpClient,
    url: &str,
    mark: &str,
    patience: Duration,
) -> Result<Vec<f64>, String> {
    let until = Instant::now() + patience;
    let label = format!("{MARK}=\"{mark}\"");
    loop {
        let uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
        let response = client.get(uri).await.map_err(|error| format!("{url}: {error}"))?;
        let body = response.into_body().collect().await.map_err(|error| format!("{url}: {error}"))?;
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        let marked = text.lines().filter(|line| !line.starts_with('#') && line.contains(&label));
        let values: Vec<f64> = marked.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        if !values.is_empty() || Instant::now() >= until {
            return Ok(values);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// Whether what is shown is what was sent.
pub(crate) fn agrees(shown: &Json, sent: &Sent) -> bool {
    // {"stringValue": "x"}, {"value": …}: the JSON form of protobuf.
    if let Json::Object(members) = shown {
        let only = members.iter().next().filter(|_| members.len() == 1);
        return only
            .is_some_and(|(key, inner)| key.to_ascii_lowercase().ends_with("value") && agrees(inner, sent));
    }
    let text = || shown.as_str().unwrap_or_default();
    let number = || shown.as_f64().or_else(|| text().parse().ok());
    match sent {
        Sent::Text(sent) => text() == sent,
        Sent::Int(sent) => shown.as_i64().or_else(|| text().parse().ok()) == Some(*sent),
        Sent::Double(sent) => number() == Some(*sent),
        Sent::Bool(sent) => shown.as_bool() == Some(*sent),
        Sent::Ip(octets) => {
            let address: Option<std::net::IpAddr> = text().parse().ok();
            address.is_some_and(|address| address.to_canonical() == std::net::IpAddr::from(*octets))
        }
        Sent::Duration(seconds, nanos) => match number() {
            Some(shown) => (shown - (*seconds as f64 + f64::from(*nanos) * 1e-9)).abs() < 1e-10,
            None => {
                let shown: Result<mixer_attribute::Duration, _> = text().parse();
                shown.ok() == mixer_attribute::Duration::from_proto(*seconds, *nanos)
            }
        },
        Sent::Timestamp(seconds, nanos) => {
            let shown: Result<mixer_attribute::Timestamp, _> = text().parse();
            shown.ok().is_some_and(|shown| shown.to_proto() == (*seconds, *nanos))
        }
    }
}

#[cfg(test)]
mod tests;
