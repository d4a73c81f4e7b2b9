//! What a certificate says of whom: names, issuer and validity, for messages and for rules.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Names of a certificate that a message shows at most.
const SHOWN: usize = 4;

/// What a certificate says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// URI names, SPIFFE ids among them.
    pub uris: Vec<String>,
    /// DNS names.
    pub dns: Vec<String>,
    /// Who it is for, as a distinguished name; often empty.
    pub subject: String,
    /// Who signed it, as a distinguished name.
    pub issuer: String,
    /// From when on it is valid, in seconds since 1970.
    pub not_before: i64,
    /// Until when it is valid, in seconds since 1970.
    pub not_after: i64,
}

impl Facts {
    /// Reads a certificate; none when it is not one.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, read) = X509Certificate::from_der(certificate).ok()?;
        let mut facts = Self {
            subject: read.subject().to_string(),
            issuer: read.issuer().to_string(),
            not_before: read.validity().not_before.timestamp(),
            not_after: read.validity().not_after.timestamp(),
            ..Self::default()
        };
        let names = read.subject_alternative_name().ok().flatten();
        for name in names.iter().flat_map(|names| &names.value.general_names) {
            match name {
                GeneralName::URI(uri) => facts.uris.push((*uri).to_owned()),
                GeneralName::DNSName(name) => facts.dns.push((*name).to_owned()),
                _ => {}
            }
        }
        Some(facts)
    }

    /// Whether it is not valid any more, or not yet.
    pub fn is_out_of_date(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        now < self.not_before || now > self.not_after
    }

    /// Its names alone: what rules look at.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.uris.iter().chain(&self.dns).map(String::as_str).collect();
        match names.len() {
            0 if self.subject.is_empty() => "no name".to_owned(),
            0 => format!("the subject {}", printable(&self.subject)),
            count if count > SHOWN => {
                format!(
                    "{} and {} more",
                    printable(&names.get(..SHOWN).unwrap_or(&names).join(", ")),
                    count - SHOWN
                )
            }
            _ => printable(&names.join(", ")),
        }
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a certificate of {}", self.names())?;
        if !self.issuer.is_empty() {
            write!(f, ", signed by {}", printable(&self.issuer))?;
        }
        write!(f, ", valid from {} to {}", date(self.not_before), date(self.not_after))
    }
}

/// A peer chose this text: it may not break a log line or fill it.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).take(400).collect()
}

/// Seconds since 1970 as `2026-11-23T14:20:00Z`.
pub(crate) fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| format!("{seconds} s after 1970"), |date| date.to_string())
}

#[cfg(test)]
mod tests;
