//! Flags for what a server does in a cluster besides reading its configuration there.

use std::net::SocketAddr;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

/// Status and the admission webhook. None of them has a counterpart in the original.
#[derive(Args, Clone, Debug)]
#[command(rename_all = "camelCase", next_help_heading = "Kubernetes")]
pub(crate) struct KubeFlags {
    /// Write back to each object what became of it; one replica does, whoever holds the lease.
    #[arg(long, default_value = "true", default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub(crate) config_status: bool,
    /// The lease: NAME in the namespace of the pod, or NAMESPACE/NAME.
    #[arg(long, default_value = "mixs-status")]
    pub(crate) config_status_lease: String,
    /// Serve the validating admission webhook at this address, such as 0.0.0.0:9443.
    #[arg(long)]
    pub(crate) webhook_address: Option<SocketAddr>,
    /// The Service by which the API server reaches the webhook: NAME in the namespace of the pod. A host name with dots
    /// or an address stands for itself.
    #[arg(long, default_value = "mixs")]
    pub(crate) webhook_service: String,
    /// The Secret with the webhook's authority, in the namespace of the pod. It is made when it is missing.
    #[arg(long, default_value = "mixs-webhook-ca")]
    pub(crate) webhook_secret: String,
    /// The ValidatingWebhookConfiguration whose caBundle is kept up to date.
    #[arg(long, default_value = "mixs")]
    pub(crate) webhook_configuration: String,
}
