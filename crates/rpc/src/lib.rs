//! gRPC clients and servers of the Mixer API and of adapters.
//!
//! The modules with the names of protobuf packages hold typed clients and servers. [`raw`] holds what the
//! request path uses instead: the same services over message bytes, which are neither decoded nor encoded.

mod generated;
pub mod raw;

pub use generated::template;

/// Package `istio.mixer`: the Mixer API.
pub mod mixer {
    pub use crate::generated::istio_mixer_v1 as v1;
}

/// Package `istio.mixer.adapter.model`: what session based adapters serve.
pub mod adapter {
    pub use crate::generated::istio_mixer_adapter_model_v1beta1 as v1beta1;
}

/// OTLP 1, packages `opentelemetry.proto.collector`: what collectors serve.
pub mod otlp {
    pub use crate::generated::opentelemetry_proto_collector_logs_v1 as logs;
    pub use crate::generated::opentelemetry_proto_collector_metrics_v1 as metrics;
    pub use crate::generated::opentelemetry_proto_collector_trace_v1 as trace;
}
