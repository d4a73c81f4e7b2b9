//! Rules of attributes.

use serde_json::{Map, Value as Json};

use super::{Refused, refuse, rule};

/// What an API says about attributes.
pub(super) struct Limits {
    pub(super) count: usize,
    /// In UTF-16 code units.
    pub(super) text: usize,
    pub(super) bools: bool,
    pub(super) reserved: &'static [&'static str],
}

/// The attributes of an item, if it has any.
pub(super) fn check_field(what: &str, item: &Map<String, Json>, limits: &Limits) -> Result<(), Refused> {
    match item.get("attributes") {
        None => Ok(()),
        Some(Json::Object(attributes)) => check(what, attributes, limits),
        Some(other) => refuse(400, format!("{what}: attributes are {other}")),
    }
}

pub(super) fn check(what: &str, attributes: &Map<String, Json>, limits: &Limits) -> Result<(), Refused> {
    rule(attributes.len() <= limits.count, || format!("{what}: {} attributes", attributes.len()))?;
    for (key, value) in attributes {
        let characters = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '_'));
        rule(characters && (1..=255).contains(&key.len()), || format!("{what}: attribute {key:?}"))?;
        rule(!limits.reserved.contains(&&**key), || format!("{what}: attribute {key:?} is reserved"))?;
        let good = match value {
            Json::String(text) => text.encode_utf16().count() <= limits.text,
            Json::Bool(_) => limits.bools,
            // What is no i64 loses the item.
            Json::Number(number) => number.is_i64() || number.is_f64(),
            Json::Null | Json::Array(_) | Json::Object(_) => false,
        };
        rule(good, || format!("{what}: attribute {key} is {value}"))?;
    }
    Ok(())
}
