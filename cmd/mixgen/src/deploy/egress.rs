//! Where pods may connect to: `[HOST:]PORT[/udp]`, as a rule of a NetworkPolicy.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// One destination, or the word that there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Egress {
    /// Nothing but names may be asked for.
    None,
    /// A port of an address, or of every one.
    To { host: Option<Host>, port: u16, udp: bool },
}

/// Who is at a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// Addresses.
    Net(IpNet),
    /// A name, which a policy cannot know.
    Name(String),
}

impl FromStr for Egress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::None);
        }
        let wrong =
            || "write [HOST:]PORT, [HOST:]PORT/udp or none; HOST is a name, an address or a CIDR".to_owned();
        let (rest, udp) = match text.strip_suffix("/udp") {
            Some(rest) => (rest, true),
            None => (text.strip_suffix("/tcp").unwrap_or(text), false),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (Some(host), port),
            None => (None, rest),
        };
        let port: u16 = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        let host = host.map(|host| Host::parse(host).ok_or_else(wrong)).transpose()?;
        Ok(Self::To { host, port, udp })
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(net) = bare.parse::<IpNet>() {
            return Some(Self::Net(net.trunc()));
        }
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Self::Net(address.into()));
        }
        let name = !text.is_empty()
            && text.split('.').all(|label| {
                let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
            });
        name.then(|| Self::Name(text.to_owned()))
    }
}

/// As it is written on the command line.
impl fmt::Display for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::To { host, port, udp } = self else { return f.write_str("none") };
        match host {
            Some(Host::Net(net @ IpNet::V6(_))) => write!(f, "[{net}]:")?,
            Some(Host::Net(net)) => write!(f, "{net}:")?,
            Some(Host::Name(name)) => write!(f, "{name}:")?,
            None => {}
        }
        write!(f, "{port}{}", if *udp { "/udp" } else { "" })
    }
}

impl Egress {
    /// What most backends are reached by.
    pub(super) const HTTPS: Self = Self::To { host: None, port: 443, udp: false };

    /// A rule below `egress:`; nothing for no destination.
    pub(super) fn rule(&self) -> String {
        let Self::To { host, port, udp } = self else { return String::new() };
        let mut text = String::new();
        match host {
            Some(Host::Net(net)) => {
                text += &format!("  - to:\n    - ipBlock:\n        cidr: \"{net}\"\n    ports:\n")
            }
            Some(Host::Name(name)) => {
                text +=
                    &format!("  # {name}: a policy knows no names, so this port is open to every address.\n");
                text += "  - ports:\n";
            }
            None => text += "  - ports:\n",
        }
        let protocol = if *udp { "UDP" } else { "TCP" };
        text + &format!("    - port: {port}\n      protocol: {protocol}\n")
    }
}

#[cfg(test)]
mod tests;
