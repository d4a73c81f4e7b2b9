//! What the environment says, by the names that Datadog's own clients know.

#[cfg(test)]
mod tests;

use mixer_adapter_sdk::delivery::datagram::LineAddress;

const DEFAULT_HOST: &str = "localhost";
const DEFAULT_PORT: u16 = 8125;

/// Variables whose value is the value of a tag.
const TAGS: [(&str, &str); 4] = [
    ("DD_ENTITY_ID", "dd.internal.entity_id"),
    ("DD_ENV", "env"),
    ("DD_SERVICE", "service"),
    ("DD_VERSION", "version"),
];

/// What the environment says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    /// Where the agent listens, when anything says so.
    pub(crate) address: Option<LineAddress>,
    /// Tags as they were written, `key:value` as a rule.
    pub(crate) tags: Vec<String>,
    pub(crate) external_data: Option<String>,
    /// Whether the container must not be looked for.
    pub(crate) no_origin_detection: bool,
    /// What was not understood.
    pub(crate) warnings: Vec<String>,
}

impl Environment {
    /// Reads the variables, which `lookup` knows.
    pub(crate) fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let lookup = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let mut read = Self::default();
        read.address = read.find_address(&lookup);
        let separators = [("DATADOG_TAGS", &[','][..]), ("DD_TAGS", &[',', ' '][..])];
        for (name, separators) in separators {
            let tags = lookup(name).unwrap_or_default();
            let tags = tags.split(separators).map(str::trim).filter(|tag| !tag.is_empty());
            read.tags.extend(tags.map(str::to_owned));
        }
        for (name, tag) in TAGS {
            read.tags.extend(lookup(name).map(|value| format!("{tag}:{value}")));
        }
        read.external_data = lookup("DD_EXTERNAL_ENV");
        let enabled = lookup("DD_ORIGIN_DETECTION_ENABLED").unwrap_or_default().to_lowercase();
        read.no_origin_detection = ["no", "false", "0", "n", "off"].contains(&enabled.as_str());
        read
    }

    fn find_address(&mut self, lookup: &impl Fn(&str) -> Option<String>) -> Option<LineAddress> {
        if let Some(url) = lookup("DD_DOGSTATSD_URL") {
            match LineAddress::parse(&url, Some(DEFAULT_PORT)) {
                Ok(address) if url.contains("://") && !matches!(address, LineAddress::Tcp { .. }) => {
                    return Some(address);
                }
                _ => self.warnings.push(format!(
                    "DD_DOGSTATSD_URL is {url:?}; write udp://host:port, unix:///path, unixgram:///path or unixstream:///path"
                )),
            }
        }
        if let Some(socket) = lookup("DD_DOGSTATSD_SOCKET") {
            let url = if socket.contains("://") { socket.clone() } else { format!("unix://{socket}") };
            match url.parse() {
                Ok(
                    address @ (LineAddress::Unix(_)
                    | LineAddress::UnixDatagram(_)
                    | LineAddress::UnixStream(_)),
                ) => return Some(address),
                _ => self.warnings.push(format!("DD_DOGSTATSD_SOCKET is {socket:?}; write an absolute path")),
            }
        }
        let (host, port) = (lookup("DD_AGENT_HOST"), lookup("DD_DOGSTATSD_PORT"));
        if host.is_none() && port.is_none() {
            return None;
        }
        let port = port.map_or(DEFAULT_PORT, |port| {
            port.trim().parse().unwrap_or_else(|_| {
                self.warnings.push(format!("DD_DOGSTATSD_PORT is {port:?}, which is no port"));
                DEFAULT_PORT
            })
        });
        let host = host.unwrap_or_else(|| DEFAULT_HOST.to_owned());
        Some(LineAddress::Udp { host: host.trim_matches(['[', ']', ' ']).to_owned(), port })
    }
}
