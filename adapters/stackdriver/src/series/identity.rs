//! What tells series apart: type and labels of the metric, and the resource, in a form that the API takes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mixer_adapter_sdk::view::{MetricView, ValueMap};
use serde_json::json;

use crate::config::{Metric, ReplicaLabel, ValueType, is_label_key};
use crate::refusal::Refusal;
use crate::resource::{Resource, Where};

/// The most labels of a metric.
const MAX_LABELS: usize = 30;
/// The longest value of a label, in characters.
const MAX_VALUE: usize = 1024;
/// The longest name of a label.
const MAX_KEY: usize = 100;
const MESH_LABEL: &str = "mesh_uid";
const REPLICA_LABEL: &str = "mixer_replica";
const OVERFLOW_LABEL: &str = "overflow";

/// What tells a series apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    /// `"metric":{…},"resource":{…}`
    pub(crate) json: String,
    pub(crate) value: ValueType,
    pub(crate) label_keys: Vec<String>,
    /// Whether it stands for all that found no room.
    pub(crate) overflow: bool,
}

/// Makes labels.
#[derive(Clone, Debug)]
pub(crate) struct Labelling {
    pub(crate) place: Where,
    pub(crate) replica_label: ReplicaLabel,
    pub(crate) replica: String,
}

impl Labelling {
    /// The identity of an instance, and that of the series for what finds no room.
    pub(crate) fn identities(
        &self,
        metric: &Metric,
        value: ValueType,
        view: &MetricView<'_>,
    ) -> Result<(Identity, Identity), Refusal> {
        let mut labels = labels(view.dimensions())?;
        let mut overflow = BTreeMap::from([(OVERFLOW_LABEL.to_owned(), "true".to_owned())]);
        let replica = match &self.replica_label {
            ReplicaLabel::OnOurs if metric.is_ours() => Some(REPLICA_LABEL),
            ReplicaLabel::Named(name) => Some(name.as_str()),
            ReplicaLabel::OnOurs | ReplicaLabel::Off => None,
        };
        let mesh = self.place.mesh_uid.as_deref().map(|uid| (MESH_LABEL, uid));
        for (name, value) in mesh.into_iter().chain(replica.map(|name| (name, self.replica.as_str()))) {
            labels.insert(name.to_owned(), value.to_owned());
            overflow.insert(name.to_owned(), value.to_owned());
        }
        if labels.len() > MAX_LABELS {
            return Err(Refusal::TooManyLabels(labels.len()));
        }
        let kind = view.monitored_resource_type();
        let resource = self.place.resource(kind, view.monitored_resource_dimensions())?;
        let own = identity(metric, value, labels, &resource);
        let overflow = Identity { overflow: true, ..identity(metric, value, overflow, &self.place.global()) };
        Ok((own, overflow))
    }
}

/// Metric and resource as the API has them.
pub(crate) fn identity(
    metric: &Metric,
    value: ValueType,
    labels: BTreeMap<String, String>,
    resource: &Resource,
) -> Identity {
    let own = json!({"type": metric.metric_type, "labels": labels});
    let about = json!({"type": resource.kind, "labels": resource.labels});
    let json = format!("\"metric\":{own},\"resource\":{about}");
    Identity { json, value, label_keys: labels.into_keys().collect(), overflow: false }
}

fn labels(dimensions: ValueMap<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut labels = BTreeMap::new();
    for (name, value) in dimensions.sorted()? {
        let text = value.map(|value| value.text()).unwrap_or_default();
        let end = text.char_indices().nth(MAX_VALUE).map_or(text.len(), |(end, _)| end);
        let key = key(name);
        if labels.contains_key(&*key) {
            return Err(Refusal::LabelClash(key.into_owned()));
        }
        labels.insert(key.into_owned(), text.get(..end).unwrap_or_default().to_owned());
    }
    Ok(labels)
}

/// A name as the API takes it: a letter, then letters, digits and `_`.
fn key(name: &str) -> Cow<'_, str> {
    if is_label_key(name) {
        return Cow::Borrowed(name);
    }
    let mut key: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !key.starts_with(|c: char| c.is_ascii_alphabetic()) {
        key.insert_str(0, "key_");
    }
    key.truncate(MAX_KEY);
    Cow::Owned(key)
}
