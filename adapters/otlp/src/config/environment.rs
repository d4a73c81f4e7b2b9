//! The environment variables of OpenTelemetry's exporters.

use std::collections::HashMap;
use std::time::Duration;

use mixer_adapter_sdk::params::Problems;

/// The variables whose names begin with `OTEL_`. An empty one counts as not set.
#[derive(Debug, Default)]
pub(crate) struct Environment(HashMap<String, String>);

impl Environment {
    /// Those of this process.
    pub(crate) fn of_process() -> Self {
        // A value that is not UTF-8 is none of OpenTelemetry.
        Self::new(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// These.
    pub(crate) fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let known = |(name, value): &(String, String)| name.starts_with("OTEL_") && !value.trim().is_empty();
        Self(variables.into_iter().filter(known).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim())
    }

    /// A time in milliseconds.
    pub(crate) fn millis(&self, name: &str, field: &str, problems: &mut Problems) -> Option<Duration> {
        let text = self.get(name)?;
        match text.parse() {
            Ok(millis) if millis > 0 => Some(Duration::from_millis(millis)),
            _ => {
                problems.add(field, format!("{name} is {text:?}; must be a number of milliseconds"));
                None
            }
        }
    }
}

/// Pairs such as `k=v,k2=v2`, percent-encoded as in W3C Baggage. The error does not show what may be a secret.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    let mut pairs = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, value) = entry.split_once('=').ok_or("has an entry without =; write k=v,k2=v2")?;
        let decoded = |text: &str| {
            percent_decoded(text.trim()).ok_or("has a % that is not followed by two digits of UTF-8")
        };
        pairs.push((decoded(name)?, decoded(value)?));
    }
    Ok(pairs)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        decoded.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(decoded).ok()
}
