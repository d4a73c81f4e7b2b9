//! The charts, as tests install them.

use std::path::PathBuf;

use mixer_deploy_tests::render::{Helm, Release, root};
use serde_json::{Value, json};

/// A chart, with what it cannot be without.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chart {
    pub(crate) name: &'static str,
    pub(crate) release: Release<'static>,
}

pub(crate) const MIXER: Chart = Chart { name: "mixer", release: Release { name: "m", namespace: "mesh" } };
pub(crate) const NEWRELIC: Chart =
    Chart { name: "mixer-newrelic-adapter", release: Release { name: "nr", namespace: "mesh" } };

impl Chart {
    pub(crate) fn path(&self) -> PathBuf {
        root().join("deploy/helm").join(self.name)
    }

    /// The values without which it says what it needs.
    pub(crate) fn needed(&self) -> Value {
        if self.name == NEWRELIC.name { json!({"authentication": {"apiKey": "K0"}}) } else { json!({}) }
    }

    /// What it becomes with values beside those that it needs.
    pub(crate) fn render(&self, helm: &Helm, values: &Value) -> anyhow::Result<Vec<Value>> {
        helm.template(&self.path(), self.release, &merged(self.needed(), values))
    }
}

/// Helm 3 and 4, or nothing with a word about it.
pub(crate) fn helms() -> Option<[Helm; 2]> {
    let helms = Helm::both().unwrap();
    if helms.is_none() {
        eprintln!("skipped: MIXER_HELM3 and MIXER_HELM4 are not set");
    }
    helms
}

/// Values laid over others, as Helm does.
pub(crate) fn merged(mut below: Value, above: &Value) -> Value {
    match (&mut below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                let old = below.remove(key).unwrap_or(Value::Null);
                below.insert(key.clone(), merged(old, value));
            }
        }
        _ => return above.clone(),
    }
    below
}

/// The one object of a kind, or of KIND/NAME.
pub(crate) fn object<'a>(documents: &'a [Value], wanted: &str) -> Option<&'a Value> {
    let (kind, name) = wanted.split_once('/').map_or((wanted, None), |(kind, name)| (kind, Some(name)));
    documents.iter().find(|document| {
        document["kind"] == kind && name.is_none_or(|name| document["metadata"]["name"] == name)
    })
}
