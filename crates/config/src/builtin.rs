//! The configuration that is there without anybody writing it.
//!
//! It belongs to the default namespace, whatever that is called: rules of the default namespace apply to every
//! request, so the standard metrics cover requests of all namespaces.

use crate::read::{ReadOptions, parse_documents};
use crate::resource::RawResource;

/// The namespace that the files are written for.
const WRITTEN_FOR: &str = "istio-system";

const MANIFESTS: (&str, &str) = ("built-in/attributes.yaml", include_str!("../builtin/attributes.yaml"));
const METRICS: (&str, &str) = ("built-in/metrics.yaml", include_str!("../builtin/metrics.yaml"));
const ACCESS_LOG: (&str, &str) = ("built-in/accesslog.yaml", include_str!("../builtin/accesslog.yaml"));

/// How much of the built-in configuration is wanted. Templates are always there. A resource of the same kind,
/// namespace and name takes the place of a built-in one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Builtin {
    /// Templates and attribute manifests: what every configuration builds on.
    #[default]
    TemplatesAndManifests,
    /// The standard metrics and the access log too: what runs when there is no configuration store.
    Full,
}

impl Builtin {
    /// The resources, in a namespace.
    pub fn resources(self, namespace: &str) -> Vec<RawResource> {
        let files: &[(&str, &str)] = match self {
            Self::TemplatesAndManifests => &[MANIFESTS],
            Self::Full => &[ACCESS_LOG, MANIFESTS, METRICS],
        };
        let read = |(path, text): &(&str, &str)| {
            if namespace == WRITTEN_FOR {
                return parse_documents(path, text, &ReadOptions::default()).0;
            }
            parse_documents(path, &text.replace(WRITTEN_FOR, namespace), &ReadOptions::default()).0
        };
        files.iter().flat_map(read).collect()
    }
}
