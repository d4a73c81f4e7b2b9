//! The kinds of dashboards: how one is recognized, what it must look like, and where its queries stand.

use serde_json::Value as Json;

use super::{datadog, graphite, monitoring, nrql, promql};

/// Who shows a dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Grafana,
    Datadog,
    NewRelic,
    CloudMonitoring,
}

/// What a query is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    PromQl,
    Graphite,
    Datadog,
    Nrql,
    /// A filter of Cloud Monitoring.
    Filter,
}

impl Language {
    /// The names of the metrics that a query asks for.
    pub(crate) fn names(self, query: &str) -> Result<Vec<String>, String> {
        match self {
            Self::PromQl => promql::names(query),
            Self::Graphite => graphite::names(query),
            Self::Datadog => datadog::names(query),
            Self::Nrql => nrql::names(query),
            Self::Filter => monitoring::names(query),
        }
    }
}

/// Fields by which queries are found, wherever they stand.
const QUERY_FIELDS: &[(Kind, &str, Language)] = &[
    (Kind::Grafana, "expr", Language::PromQl),
    (Kind::Grafana, "target", Language::Graphite),
    (Kind::Datadog, "q", Language::Datadog),
    (Kind::NewRelic, "query", Language::Nrql),
    (Kind::CloudMonitoring, "filter", Language::Filter),
    (Kind::CloudMonitoring, "prometheusQuery", Language::PromQl),
];

impl Kind {
    /// Recognizes a dashboard.
    pub(crate) fn of(dashboard: &Json) -> Result<Self, String> {
        let has = |field: &str| dashboard.get(field).is_some();
        let found = [
            (Self::Grafana, has("panels") && has("schemaVersion")),
            (Self::Datadog, has("widgets") && has("layout_type")),
            (Self::NewRelic, has("pages") && has("name")),
            (
                Self::CloudMonitoring,
                has("displayName") && (has("mosaicLayout") || has("gridLayout") || has("columnLayout")),
            ),
        ];
        let mut found = found.into_iter().filter_map(|(kind, is)| is.then_some(kind));
        match (found.next(), found.next()) {
            (Some(kind), None) => Ok(kind),
            _ => Err("it is a dashboard of no kind that is known here: Grafana, Datadog, New Relic, Cloud Monitoring"
                .to_owned()),
        }
    }

    fn schema(self) -> &'static str {
        match self {
            Self::Grafana => include_str!("schemas/grafana.json"),
            Self::Datadog => include_str!("schemas/datadog.json"),
            Self::NewRelic => include_str!("schemas/newrelic.json"),
            Self::CloudMonitoring => include_str!("schemas/cloud-monitoring.json"),
        }
    }

    /// Where it is not what its kind must look like.
    pub(crate) fn problems(self, dashboard: &Json) -> Vec<String> {
        let schema = serde_json::from_str(self.schema()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors = validator.iter_errors(dashboard);
        errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    /// All queries, each with its language.
    pub(crate) fn queries(self, dashboard: &Json) -> Vec<(Language, String)> {
        let mut found = Vec::new();
        self.collect(dashboard, &mut found);
        found
    }

    fn collect(self, json: &Json, found: &mut Vec<(Language, String)>) {
        match json {
            Json::Array(items) => items.iter().for_each(|item| self.collect(item, found)),
            Json::Object(fields) => {
                // Queries of Datadog are found by what they ask, because logs have queries of another language.
                if self == Self::Datadog && json["data_source"] == "metrics" {
                    found.extend(json["query"].as_str().map(|query| (Language::Datadog, query.to_owned())));
                }
                // Variables of Grafana ask for labels of metrics.
                if self == Self::Grafana && json["type"] == "query" {
                    let labels = json["query"].as_str().and_then(|query| query.strip_prefix("label_values("));
                    let metric = labels.and_then(|labels| labels.rsplit_once(','));
                    found.extend(metric.map(|(metric, _)| (Language::PromQl, metric.to_owned())));
                }
                for (name, value) in fields {
                    let field = QUERY_FIELDS.iter().find(|(kind, field, _)| *kind == self && field == name);
                    if let (Some((_, _, language)), Some(query)) = (field, value.as_str()) {
                        found.push((*language, query.to_owned()));
                    }
                    self.collect(value, found);
                }
            }
            _ => {}
        }
    }
}
