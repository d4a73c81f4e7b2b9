//! Events, for objects whose kind has no status of its own (definitions of Istio 1.7 and older).

use jiff::Timestamp;
use mixer_config::{API_VERSION, ResourceId};
use serde_json::{Value, json};

use super::assess::{Answer, Verdict};
use crate::object::Version;

/// What an event would say: the first condition that does not hold, else that it is in force.
pub(super) fn summary(verdict: &Verdict) -> &Answer {
    let [accepted, resolved, programmed] = verdict;
    [accepted, resolved].into_iter().find(|answer| !answer.holds).unwrap_or(programmed)
}

/// Where the events of a namespace are.
pub(super) fn path(id: &ResourceId) -> String {
    format!("/api/v1/namespaces/{}/events", id.namespace)
}

/// The event itself, of the core API: every version of Kubernetes has it.
pub(super) fn event(id: &ResourceId, version: &Version, answer: &Answer, reporter: &str) -> Value {
    let now = format!("{:.0}", Timestamp::now());
    let message = match answer.message.as_str() {
        "" => format!("{}: {}", answer.kind, answer.reason),
        message => message.to_owned(),
    };
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": format!("{}.", id.name), "namespace": &*id.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": &*id.kind,
            "namespace": &*id.namespace,
            "name": &*id.name,
            "uid": version.uid,
            "resourceVersion": version.resource_version,
        },
        "type": if answer.holds { "Normal" } else { "Warning" },
        "reason": answer.reason,
        "message": message,
        "source": {"component": "mixs", "host": reporter},
        "reportingComponent": "mixs",
        "reportingInstance": reporter,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    })
}
