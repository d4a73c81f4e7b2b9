//! A resource as written: its envelope read, its specification not yet understood.

use std::collections::BTreeMap;
use std::sync::Arc;

use mixer_template::Node;

use crate::problem::{Location, ResourceId};

/// The API group of every kind that is read here.
pub const API_GROUP: &str = "config.istio.io";

/// The one version of the group.
pub const API_VERSION: &str = "config.istio.io/v1alpha2";

/// One resource of the group `config.istio.io`, from a file or from an API server.
#[derive(Clone, Debug, PartialEq)]
pub struct RawResource {
    /// Group and version.
    pub api_version: String,
    /// Kind, namespace and name.
    pub id: ResourceId,
    /// Annotations; `policy.istio.io/lang` names the expression dialect.
    pub annotations: BTreeMap<String, String>,
    /// Labels; they play no part and are kept for lists.
    pub labels: BTreeMap<String, String>,
    /// The specification.
    pub spec: Node,
    /// Where the resource starts; places inside `spec` are of the same file.
    pub location: Location,
}

impl RawResource {
    /// The file it was read from.
    pub fn file(&self) -> &Arc<str> {
        &self.location.file
    }
}
