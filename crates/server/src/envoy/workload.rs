//! A workload at one end of a request: the proxy that reports (its node) or the peer that Istio's metadata exchange
//! found.

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::google::protobuf::{Any, Struct};
use prost::Message as _;

use super::derive::{struct_field, struct_text, struct_texts};
use super::field::Field;

/// What is known of a workload; empty where nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Workload {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) workload: String,
    pub(super) owner: String,
    pub(super) service_account: String,
    pub(super) containers: String,
    pub(super) ip: Option<std::net::IpAddr>,
}

impl Workload {
    /// From the node of a proxy: Istio's metadata where it is there, the id
    /// `type~ip~name.namespace~domain` otherwise.
    pub(super) fn of_node(node: &Node) -> Self {
        let empty = Struct::default();
        let metadata = node.metadata.as_ref().unwrap_or(&empty);
        let text = |key: &str| struct_text(metadata, key).unwrap_or_default().to_owned();
        let mut parts = node.id.split('~').skip(1);
        let ip = parts.next().and_then(|ip| ip.parse().ok());
        let (id_name, id_namespace) = parts.next().and_then(|full| full.rsplit_once('.')).unwrap_or_default();
        let or = |first: String, second: &str| if first.is_empty() { second.to_owned() } else { first };
        Self {
            name: or(text("NAME"), id_name),
            namespace: or(text("NAMESPACE"), id_namespace),
            labels: struct_field(metadata, "LABELS").map(owned_texts).unwrap_or_default(),
            workload: text("WORKLOAD_NAME"),
            owner: text("OWNER"),
            service_account: text("SERVICE_ACCOUNT"),
            containers: text("APP_CONTAINERS"),
            ip,
        }
    }

    /// From a filter state object `downstream_peer` or `upstream_peer`: a structure with lower-case keys.
    pub(super) fn of_peer(object: &Any) -> Option<Self> {
        if !object.type_url.ends_with("google.protobuf.Struct") {
            return None;
        }
        let peer = Struct::decode(object.value.as_slice()).ok()?;
        let text = |key: &str| struct_text(&peer, key).unwrap_or_default().to_owned();
        let mut labels = struct_field(&peer, "labels").map(owned_texts).unwrap_or_default();
        for key in ["app", "version"] {
            if let (Some(value), false) = (struct_text(&peer, key), labels.iter().any(|(k, _)| k == key)) {
                labels.push((key.to_owned(), value.to_owned()));
            }
        }
        let (workload, namespace, kind) = (text("workload"), text("namespace"), text("type"));
        let owner = match kind.as_str() {
            "" => String::new(),
            kind => format!("kubernetes://apis/apps/v1/namespaces/{namespace}/{kind}s/{workload}"),
        };
        let service_account =
            super::derive::identity_part(&text("identity"), "sa").unwrap_or_default().to_owned();
        let (containers, ip) = (String::new(), None);
        Some(Self { name: text("name"), namespace, labels, workload, owner, service_account, containers, ip })
    }

    /// `kubernetes://name.namespace`.
    pub(super) fn uid(&self) -> Option<Field<'_>> {
        let known = !self.name.is_empty() && !self.namespace.is_empty();
        known.then(|| Field::Text(format!("kubernetes://{}.{}", self.name, self.namespace).into()))
    }

    /// `istio://namespace/workloads/name`.
    pub(super) fn workload_uid(&self) -> Option<Field<'_>> {
        let known = !self.workload.is_empty() && !self.namespace.is_empty();
        known.then(|| Field::Text(format!("istio://{}/workloads/{}", self.namespace, self.workload).into()))
    }

    /// The labels as a map.
    pub(super) fn label_map(&self) -> Option<Field<'_>> {
        Field::map(
            self.labels.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect(),
        )
    }
}

fn owned_texts(fields: &Struct) -> Vec<(String, String)> {
    let mut texts: Vec<_> =
        struct_texts(fields).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    texts.sort();
    texts
}
