//! Declares what `cargo xtask gen` makes; do not edit.
#![allow(unreachable_pub)]

pub mod istio_mixer_adapter_model_v1beta1;
pub mod istio_mixer_v1;
pub mod opentelemetry_proto_collector_logs_v1;
pub mod opentelemetry_proto_collector_metrics_v1;
pub mod opentelemetry_proto_collector_trace_v1;

/// The shipped templates.
pub mod template {
    pub mod apikey;
    pub mod authorization;
    pub mod checknothing;
    pub mod edge;
    pub mod kubernetes;
    pub mod listentry;
    pub mod logentry;
    pub mod metric;
    pub mod quota;
    pub mod reportnothing;
    pub mod tracespan;
}
