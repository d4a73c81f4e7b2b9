//! The Kubernetes source of configuration: objects of `config.istio.io/v1alpha2` that are listed and watched, the
//! status that is written back to them, and the webhook that looks at them before they are stored.
//!
//! [`KubeSource::watch`] follows a cluster and hands over whole contents, never parts; [`StatusWriter`] tells objects
//! what became of them.

mod backoff;
mod connect;
mod definitions;
mod discovery;
mod lines;
mod location;
mod metrics;
mod object;
mod reflect;
mod request;
mod source;
mod status;
mod store;
mod webhook;

pub use connect::{ConnectError, Place, connect, in_cluster};
pub use definitions::DEFINITIONS;
pub use kube::Client;
pub use location::{KubeLocation, UrlError, parse as parse_url};
pub use metrics::KubeMetrics;
pub use reflect::Timing;
pub use source::{KubeSource, Update, Watch};
pub use status::{HandlerFailure, InForce, StatusOptions, StatusTasks, StatusWriter};
pub use store::Content;
pub use webhook::{Reviewer, Webhook, WebhookOptions};
