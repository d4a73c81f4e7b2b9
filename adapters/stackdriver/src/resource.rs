//! Monitored resources: what a point or an entry is about. Empty labels that say where the cluster is are filled in.

use std::collections::BTreeMap;

use mixer_adapter_sdk::view::ValueMap;

use crate::metadata::MetadataServer;
use crate::refusal::Refusal;

/// What an instance without a resource is about.
const DEFAULT_TYPE: &str = "global";

/// The labels of the types that are known here; other types are sent as they come.
const TYPES: &[(&str, &[&str])] = &[
    (
        "k8s_container",
        &["project_id", "location", "cluster_name", "namespace_name", "pod_name", "container_name"],
    ),
    ("k8s_pod", &["project_id", "location", "cluster_name", "namespace_name", "pod_name"]),
    ("k8s_node", &["project_id", "location", "cluster_name", "node_name"]),
    ("k8s_cluster", &["project_id", "location", "cluster_name"]),
    (
        "istio_canonical_service",
        &["project_id", "location", "mesh_uid", "namespace_name", "canonical_service_name"],
    ),
    ("generic_task", &["project_id", "location", "namespace", "job", "task_id"]),
    ("generic_node", &["project_id", "location", "namespace", "node_id"]),
    ("gce_instance", &["project_id", "zone", "instance_id"]),
    ("global", &["project_id"]),
];

/// A monitored resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) kind: String,
    pub(crate) labels: BTreeMap<String, String>,
}

/// Where the mesh runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Where {
    pub(crate) project_id: String,
    pub(crate) location: Option<String>,
    pub(crate) cluster_name: Option<String>,
    pub(crate) mesh_uid: Option<String>,
}

impl Where {
    /// Asks the metadata server for what the configuration leaves open.
    pub(crate) async fn complete(mut self, metadata: &MetadataServer) -> Self {
        if self.location.is_none() {
            match metadata.location().await {
                Ok(location) => self.location = Some(location).filter(|text| !text.is_empty()),
                Err(error) => {
                    tracing::warn!("`location` is not known: resources without one stay so; {error}");
                }
            }
        }
        if self.cluster_name.is_none() {
            match metadata.cluster_name().await {
                Ok(name) => self.cluster_name = Some(name).filter(|text| !text.is_empty()),
                Err(error) => {
                    tracing::warn!("`cluster_name` is not known: resources without one stay so; {error}");
                }
            }
        }
        self
    }

    /// The resource of an instance, with what is empty filled in.
    pub(crate) fn resource(&self, kind: &str, dimensions: ValueMap<'_>) -> Result<Resource, Refusal> {
        let mut labels = BTreeMap::new();
        for (name, value) in dimensions.sorted()? {
            labels.insert(name.to_owned(), value.map(|value| value.text().into_owned()).unwrap_or_default());
        }
        let kind = if kind.is_empty() { DEFAULT_TYPE } else { kind };
        if let Some((_, known)) = TYPES.iter().find(|(name, _)| *name == kind) {
            if let Some(label) = labels.keys().find(|label| !known.contains(&label.as_str())) {
                return Err(Refusal::ResourceLabel { kind: kind.to_owned(), label: label.clone() });
            }
            for label in *known {
                labels.entry((*label).to_owned()).or_default();
            }
        }
        for (name, value) in &mut labels {
            if value.is_empty()
                && let Some(known) = self.known(name)
            {
                known.clone_into(value);
            }
        }
        Ok(Resource { kind: kind.to_owned(), labels })
    }

    /// What an overflow series or a test is about.
    pub(crate) fn global(&self) -> Resource {
        let labels = [("project_id".to_owned(), self.project_id.clone())].into();
        Resource { kind: DEFAULT_TYPE.to_owned(), labels }
    }

    fn known(&self, label: &str) -> Option<&str> {
        match label {
            "project_id" => Some(&self.project_id),
            "location" | "zone" => self.location.as_deref(),
            "cluster_name" => self.cluster_name.as_deref(),
            "mesh_uid" => self.mesh_uid.as_deref(),
            _ => None,
        }
    }
}
