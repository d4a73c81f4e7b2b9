//! Many rules, of which one applies to a request: each names the service that it is for.

use serde_json::Value;

use super::manifest;
use super::policy::{list, rule};

/// The host name of a service; the rule for it has the same number.
pub(crate) fn host(number: usize) -> String {
    format!("service-{number:05}.bookinfo.svc.cluster.local")
}

/// One rule for each of these services.
pub(crate) fn rules(numbers: impl Iterator<Item = usize>) -> Vec<Value> {
    let mut resources = vec![manifest()];
    resources.extend(list());
    resources.extend(numbers.map(|number| {
        let condition = format!(
            r#"destination.service.host == "{}" && (source.labels["version"] | "none") != "v0""#,
            host(number)
        );
        rule(&format!("service-{number:05}"), &condition, ["versions", "version"])
    }));
    resources
}
