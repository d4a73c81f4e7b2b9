//! Rules of the Log API, in its detailed form.

use serde_json::{Map, Value as Json};

use super::attributes::{Limits, check_field};
use super::{Refused, check_time, merged, rule};

/// Longer texts than 4,094 characters are kept as blobs.
const LIMITS: Limits =
    Limits { count: 255, text: 128_000, bools: true, reserved: &["timestamp", "message", "newrelic.source"] };

pub(super) fn check(own: &Map<String, Json>, common: &Map<String, Json>, now: u64) -> Result<Json, Refused> {
    let shared = ["timestamp", "attributes"];
    rule(common.keys().all(|key| shared.contains(&&**key)), || format!("common: keys {:?}", common.keys()))?;
    let all = merged(own, common);
    let known = ["timestamp", "message", "attributes"];
    rule(all.keys().all(|key| known.contains(&&**key)), || format!("log: keys {:?}", all.keys()))?;
    rule(all.get("message").is_some_and(Json::is_string), || format!("log: no message in {all:?}"))?;
    check_time("log", &all, 48, now)?;
    check_field("log", &all, &LIMITS)?;
    Ok(Json::Object(all))
}
