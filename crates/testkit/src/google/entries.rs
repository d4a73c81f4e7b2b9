//! Cloud Logging: entries within their limits, an entry that comes twice counted once, and partial success.

use serde_json::{Map, Value as Json, json};

use super::series::{check_resource, nanos, object, text};
use super::{Refused, State};

const PARTIAL: &str = "google.logging.v2.WriteLogEntriesPartialErrors";
const MAX_ENTRY: usize = 256_000;

/// `entries.write`: the first `refuse` entries are refused with a code.
pub(super) fn write(
    state: &mut State,
    project: &str,
    message: &Json,
    refuse: (usize, i64),
) -> Result<Json, Refused> {
    let all = message.get("entries").and_then(Json::as_array).cloned().unwrap_or_default();
    if all.is_empty() {
        return Err(Refused::new(3, "no entries"));
    }
    let mut failed = Map::new();
    for (index, entry) in all.iter().enumerate() {
        let checked = match index < refuse.0 {
            true => Err((refuse.1, "as the test wants it".to_owned())),
            false => check(entry, project).map_err(|message| (3, message)),
        };
        match checked {
            Ok(()) => {
                let field = |name| text(entry, name).to_owned();
                let identity = (field("logName"), field("timestamp"), field("insertId"));
                if !identity.2.is_empty() && !state.entries.insert(identity) {
                    state.seen.duplicate_entries += 1;
                    continue;
                }
                state.seen.entries.push(entry.clone());
            }
            Err((code, message)) => {
                failed.insert(index.to_string(), json!({"code": code, "message": message}));
            }
        }
    }
    let Some(first) = failed.values().next().cloned() else { return Ok(json!({})) };
    if message.get("partialSuccess") != Some(&true.into()) {
        return Err(Refused::new(3, format!("an entry is not good, and none is written: {first}")));
    }
    let code = first.get("code").and_then(Json::as_i64).unwrap_or(3);
    let detail = json!({"logEntryErrors": failed});
    Err(Refused {
        code,
        message: format!("not all entries were written: {first}"),
        detail: Some((PARTIAL, detail)),
    })
}

fn check(entry: &Json, project: &str) -> Result<(), String> {
    let said = |what: String| format!("{what} in {entry}");
    if entry.to_string().len() > MAX_ENTRY {
        return Err("an entry that is too large".to_owned());
    }
    let prefix = format!("projects/{project}/logs/");
    let id = text(entry, "logName").strip_prefix(&prefix).unwrap_or_default();
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '%');
    if !(1..512).contains(&id.len()) || !id.chars().all(good) {
        return Err(said("logName".to_owned()));
    }
    check_resource(entry.get("resource").unwrap_or(&Json::Null), project).map_err(said)?;
    let payloads = ["textPayload", "jsonPayload"].iter().filter(|name| entry.get(**name).is_some()).count();
    if payloads != 1 {
        return Err(said(format!("{payloads} payloads")));
    }
    if text(entry, "insertId").len() > 512 {
        return Err(said("insertId".to_owned()));
    }
    let labels = object(entry, "labels");
    if labels.len() > 64 || labels.keys().any(|key| key.is_empty() || key.chars().count() > 512) {
        return Err(said("labels".to_owned()));
    }
    nanos(text(entry, "timestamp")).map(drop).map_err(said)
}
