//! Rules of the Event API.

use serde_json::Value as Json;

use super::attributes::{Limits, check as check_attributes};
use super::{Refused, check_time, refuse, rule};

/// The most events of a request.
const MAX_EVENTS: usize = 2000;

const LIMITS: Limits = Limits { count: 255, text: 4096, bools: false, reserved: &["accountId", "appId"] };

pub(super) fn check(all: Vec<Json>, now: u64) -> Result<Vec<Json>, Refused> {
    if all.len() > MAX_EVENTS {
        return refuse(413, format!("{} events", all.len()));
    }
    for event in &all {
        let Some(event) = event.as_object() else { return refuse(400, "an event is no object") };
        let event_type = event.get("eventType").and_then(Json::as_str).unwrap_or_default();
        let characters = event_type.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'));
        rule(characters && (1..=255).contains(&event_type.len()), || format!("eventType {event_type:?}"))?;
        check_time(event_type, event, 24, now)?;
        check_attributes(event_type, event, &LIMITS)?;
    }
    Ok(all)
}
