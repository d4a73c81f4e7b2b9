//! Descriptors of metrics of the project's own: made before the first point, and known from then on.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::config::{Metric, ValueType};

/// One that was refused is tried again after so long.
const PAUSE: Duration = Duration::from_secs(600);

/// A descriptor, and whether the API has it.
#[derive(Debug)]
pub(crate) struct Descriptor {
    metric_type: String,
    body: Bytes,
    due: Mutex<Due>,
}

/// What became of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Now,
    At(Instant),
    Never,
}

impl Descriptor {
    /// The descriptor of a metric whose series have these labels.
    pub(crate) fn new(metric: &Metric, value: ValueType, label_keys: &BTreeSet<String>) -> Self {
        let labels: Vec<_> =
            label_keys.iter().map(|key| json!({"key": key, "valueType": "STRING"})).collect();
        let mut body = json!({
            "type": metric.metric_type,
            "labels": labels,
            "metricKind": metric.kind.name(),
            "valueType": value.name(),
        });
        let numeric = !matches!(value, ValueType::Bool | ValueType::String);
        let texts = [
            ("unit", &metric.unit, numeric),
            ("description", &metric.description, true),
            ("displayName", &metric.display_name, true),
        ];
        if let Some(body) = body.as_object_mut() {
            for (name, text, _) in texts.into_iter().filter(|(_, text, applies)| *applies && !text.is_empty())
            {
                body.insert(name.to_owned(), text.as_str().into());
            }
        }
        let body = Bytes::from(body.to_string());
        Self { metric_type: metric.metric_type.clone(), body, due: Mutex::new(Due::Now) }
    }

    pub(super) fn metric_type(&self) -> &str {
        &self.metric_type
    }

    pub(super) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// With the labels of another one too; none when that adds nothing.
    pub(super) fn with_labels_of(&self, other: &[u8]) -> Option<Bytes> {
        let other: Json = serde_json::from_slice(other).ok()?;
        let mut own: Json = serde_json::from_slice(&self.body).ok()?;
        let labels = own.get_mut("labels")?.as_array_mut()?;
        let before = labels.len();
        for label in other.get("labels")?.as_array()? {
            if !labels.iter().any(|own| own.get("key") == label.get("key")) {
                labels.push(label.clone());
            }
        }
        (labels.len() > before).then(|| Bytes::from(own.to_string()))
    }

    /// Whether it is to be made now.
    pub(super) fn is_due(&self) -> bool {
        match *self.due.lock() {
            Due::Now => true,
            Due::At(when) => when <= Instant::now(),
            Due::Never => false,
        }
    }

    pub(super) fn settle(&self, made: Made) {
        *self.due.lock() = match made {
            Made::Yes => Due::Never,
            Made::No => Due::At(Instant::now() + PAUSE),
        };
    }
}
