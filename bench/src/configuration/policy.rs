//! Policy for checks: a list that decides, a denier that does not apply, a quota.

use serde_json::{Value, json};

use super::{manifest, resource};
use crate::attributes::VERSIONS;

/// How often an answer of the list may be used: no other part answers this, so it proves that the list was asked.
pub(crate) const LIST_USE_COUNT: i32 = 7_777;

/// The quota that callers ask for.
pub(crate) const QUOTA: &str = "requestquota";

/// The list with the instance that is looked up in it.
pub(super) fn list() -> [Value; 2] {
    [
        resource(
            "handler",
            "versions",
            &json!({
                "compiledAdapter": "listchecker",
                "params": { "overrides": VERSIONS, "cachingUseCount": LIST_USE_COUNT },
            }),
        ),
        resource(
            "instance",
            "version",
            &json!({
                "compiledTemplate": "listentry",
                "params": { "value": r#"source.labels["version"] | "none""# },
            }),
        ),
    ]
}

/// Checks of requests to `ratings` look up the caller's version; none is refused.
pub(crate) fn policy() -> Vec<Value> {
    let mut resources = vec![manifest()];
    resources.extend(list());
    resources.push(rule(
        "ratings",
        r#"(destination.labels["app"] | "unknown") == "ratings""#,
        ["versions", "version"],
    ));
    resources.extend(denier());
    resources.extend(quota());
    resources
}

fn denier() -> [Value; 3] {
    let status = json!({ "code": 7, "message": "closed" });
    [
        resource(
            "handler",
            "closed",
            &json!({ "compiledAdapter": "denier", "params": { "status": status } }),
        ),
        resource("instance", "nothing", &json!({ "compiledTemplate": "checknothing", "params": {} })),
        rule("closed", r#"request.headers["x-closed"] == "yes""#, ["closed", "nothing"]),
    ]
}

fn quota() -> [Value; 3] {
    let limit = json!({ "name": format!("{QUOTA}.instance.{}", super::NAMESPACE),
                        "maxAmount": 1_000_000_000, "validDuration": "1s" });
    let dimensions = json!({
        "source": r#"source.labels["app"] | "unknown""#,
        "sourceVersion": r#"source.labels["version"] | "unknown""#,
        "destination": r#"destination.labels["app"] | destination.service.name | "unknown""#,
        "destinationVersion": r#"destination.labels["version"] | "unknown""#,
    });
    [
        resource(
            "handler",
            "memory",
            &json!({ "compiledAdapter": "memquota", "params": { "quotas": [limit] } }),
        ),
        resource(
            "instance",
            QUOTA,
            &json!({ "compiledTemplate": "quota", "params": { "dimensions": dimensions } }),
        ),
        rule("quota", "true", ["memory", QUOTA]),
    ]
}

/// A rule with one instance for one handler.
pub(super) fn rule(name: &str, condition: &str, [handler, instance]: [&str; 2]) -> Value {
    let actions = json!([{ "handler": handler, "instances": [instance] }]);
    resource("rule", name, &json!({ "match": condition, "actions": actions }))
}
