//! Rules of the Trace API.

use serde_json::{Map, Value as Json};

use super::attributes::{Limits, check_field};
use super::{Refused, check_time, merged, rule};

const LIMITS: Limits = Limits {
    count: 100,
    text: 4096,
    bools: true,
    reserved: &["id", "trace.id", "timestamp", "newrelic.source", "eventType"],
};

pub(super) fn check(own: &Map<String, Json>, common: &Map<String, Json>, now: u64) -> Result<Json, Refused> {
    rule(common.keys().all(|key| key == "attributes"), || format!("common: keys {:?}", common.keys()))?;
    let all = merged(own, common);
    let text = |name: &str| all.get(name).and_then(Json::as_str).unwrap_or_default();
    let id = text("id");
    rule(!id.is_empty() && !text("trace.id").is_empty(), || format!("a span without ids: {all:?}"))?;
    let known = ["id", "trace.id", "timestamp", "attributes"];
    rule(all.keys().all(|key| known.contains(&&**key)), || format!("{id}: keys {:?}", all.keys()))?;
    check_time(id, &all, 48, now)?;
    check_field(id, &all, &LIMITS)?;
    let attribute = |name: &str| all.get("attributes").and_then(|attributes| attributes.get(name));
    let is_text =
        |name: &str| attribute(name).is_none_or(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    rule(is_text("parent.id") && is_text("service.name"), || format!("{id}: an empty parent or service"))?;
    let duration =
        attribute("duration.ms").is_none_or(|value| value.as_f64().is_some_and(|value| value >= 0.0));
    rule(duration, || format!("{id}: duration.ms {:?}", attribute("duration.ms")))?;
    Ok(Json::Object(all))
}
