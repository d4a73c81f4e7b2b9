//! Which metrics there are: by the example of an adapter, by the built-in configuration, by the manual.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use regex::Regex;
use serde_json::Value as Json;

use super::graphite;
use super::kind::Language;

/// The first parts of the types of metrics in Cloud Monitoring that are not Google's own.
const DOMAINS: &[&str] = &["custom.googleapis.com/", "external.googleapis.com/", "workload.googleapis.com/"];

/// What backends that speak PromQL append to a histogram.
const OF_HISTOGRAMS: &[&str] = &["_bucket", "_sum", "_count"];

/// Names of metrics.
#[derive(Debug, Default)]
pub(crate) struct Defined {
    /// As an adapter sends them.
    names: BTreeSet<String>,
    /// As PromQL asks for them.
    in_promql: BTreeSet<String>,
}

impl Defined {
    /// What an adapter's example defines, and for `prometheus` the built-in configuration.
    pub(crate) fn by_adapter(root: &Path, adapter: &str) -> Self {
        let example = fs::read_to_string(root.join("adapters").join(adapter).join("example.yaml")).unwrap();
        let mut defined = Self::by_example(adapter, &example);
        if adapter == "prometheus" {
            let builtin = fs::read_to_string(root.join("crates/config/builtin/metrics.yaml")).unwrap();
            for document in builtin.split("\n---\n").filter(|document| document.contains("\nkind: handler\n"))
            {
                let handler: Json = serde_saphyr::from_str(document).unwrap();
                defined.add(adapter, &handler["spec"]["params"]);
            }
        }
        defined
    }

    /// What an example of parameters defines.
    pub(crate) fn by_example(adapter: &str, example: &str) -> Self {
        let mut defined = Self::default();
        defined.add(adapter, &serde_saphyr::from_str(example).unwrap());
        assert!(!defined.names.is_empty(), "the example of {adapter} defines no metric");
        defined
    }

    /// What docs/operations.md lists.
    pub(crate) fn by_manual(root: &Path) -> Self {
        let manual = fs::read_to_string(root.join("docs/operations.md")).unwrap();
        let name = Regex::new(r"`((?:mixer|grpc_io_server|istio)_[a-z_]+[a-z])(?:\{[^`]*)?`").unwrap();
        let mut defined = Self::default();
        for found in name.captures_iter(&manual) {
            let name = &found[1];
            defined.names.insert(name.to_owned());
            defined.in_promql.insert(name.to_owned());
            defined.in_promql.extend(OF_HISTOGRAMS.iter().map(|suffix| format!("{name}{suffix}")));
        }
        defined
    }

    /// The names as they are sent.
    pub(crate) fn plain(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Takes in the metrics of a handler's parameters: entries of `metrics` (or `metric_info`, as Stackdriver's adapter
    /// calls it), a list or a map by instance.
    fn add(&mut self, adapter: &str, params: &Json) {
        self.add_events(params);
        let metrics = params.get("metrics").or(params.get("metric_info")).unwrap_or(&Json::Null);
        let entries: Vec<(Option<&str>, &Json)> = match metrics {
            Json::Array(items) => items.iter().map(|item| (item["instance_name"].as_str(), item)).collect(),
            Json::Object(map) => map.iter().map(|(key, item)| (Some(key.as_str()), item)).collect(),
            _ => Vec::new(),
        };
        let default_prefix = params["prefix"].as_str().or(params["namespace"].as_str()).unwrap_or_default();
        for (instance, entry) in entries {
            let fields = ["name", "name_template", "metric_type"];
            let given = fields.iter().find_map(|field| entry[*field].as_str());
            let Some(name) = given.or(instance) else { continue };
            if adapter == "prometheus" {
                self.add_prometheus(name, entry);
                continue;
            }
            let full = match default_prefix.trim_end_matches('.') {
                "" => name.to_owned(),
                prefix => format!("{prefix}.{name}"),
            };
            self.in_promql.extend(promql_names(&full, entry["unit"].as_str().unwrap_or_default()));
            self.names.insert(full);
        }
    }

    /// Takes in the kinds of events that logs become.
    fn add_events(&mut self, params: &Json) {
        match params {
            Json::Object(fields) => {
                self.names.extend(fields.get("event_type").and_then(Json::as_str).map(str::to_owned));
                fields.values().for_each(|value| self.add_events(value));
            }
            Json::Array(items) => items.iter().for_each(|item| self.add_events(item)),
            _ => {}
        }
    }

    fn add_prometheus(&mut self, name: &str, entry: &Json) {
        let full = format!("{}_{name}", entry["namespace"].as_str().unwrap_or("istio"));
        match entry["kind"].as_str() {
            Some("DISTRIBUTION") => {
                self.in_promql.extend(OF_HISTOGRAMS.iter().map(|suffix| format!("{full}{suffix}")));
            }
            _ => {
                self.in_promql.insert(full.clone());
            }
        }
        self.names.insert(full);
    }

    /// Whether a name of a query is one of them.
    pub(crate) fn has(&self, language: Language, name: &str) -> bool {
        match language {
            Language::PromQl => self.in_promql.contains(name),
            Language::Datadog | Language::Nrql => self.names.contains(name),
            Language::Graphite => self.names.iter().any(|defined| graphite::is_of(name, defined)),
            Language::Filter => {
                let short = DOMAINS.iter().find_map(|domain| name.strip_prefix(domain));
                self.names.contains(name) || short.is_some_and(|short| self.names.contains(short))
            }
        }
    }
}

/// What backends that speak PromQL call a metric with dots and a unit. (OpenTelemetry, "Prometheus and OpenMetrics
/// Compatibility".)
fn promql_names(name: &str, unit: &str) -> Vec<String> {
    let unit = match unit {
        "s" => "_seconds",
        "ms" => "_milliseconds",
        "By" => "_bytes",
        _ => "",
    };
    let name = name.replace(['.', '-', '/'], "_");
    let base = if name.ends_with(unit) { name } else { format!("{name}{unit}") };
    let suffixes = ["", "_total"].iter().chain(OF_HISTOGRAMS);
    suffixes.map(|suffix| format!("{base}{suffix}")).collect()
}

impl fmt::Display for Defined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "these are: {:?}", self.names)
    }
}
