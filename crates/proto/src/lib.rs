//! The wire format of Mixer: `.proto` files, the messages made from them, descriptors, and the global word
//! list. There are no services here and no logic; `mixer-rpc` has the services.
//!
//! The files stand in `proto/`, those of the templates in `templates/` at the top of the project. After a
//! change to one of them `cargo xtask gen` makes the Rust source anew.

mod generated;
pub mod template;
mod words;

pub use words::GLOBAL_WORDS;

/// Package `istio.mixer`: what proxies and Mixer say to each other.
pub mod mixer {
    pub use crate::generated::istio_mixer_v1 as v1;
}

/// Package `istio.mixer.adapter.model`: what Mixer and adapters say to each other, apart from what belongs to
/// one template.
pub mod adapter {
    pub use crate::generated::istio_mixer_adapter_model_v1beta1 as v1beta1;
}

/// Package `istio.policy`: configuration resources, and the values that templates are made of.
pub mod policy {
    pub use crate::generated::istio_policy_v1beta1 as v1beta1;
}

/// Package `google`: what the other packages borrow.
pub mod google {
    pub use crate::generated::google_rpc as rpc;
}

/// OTLP 1, packages `opentelemetry.proto`: how metrics, logs and spans go to a collector. Each module holds version 1.
pub mod otlp {
    pub use crate::generated::opentelemetry_proto_common_v1 as common;
    pub use crate::generated::opentelemetry_proto_logs_v1 as logs;
    pub use crate::generated::opentelemetry_proto_metrics_v1 as metrics;
    pub use crate::generated::opentelemetry_proto_resource_v1 as resource;
    pub use crate::generated::opentelemetry_proto_trace_v1 as trace;

    /// Requests to collectors, and their answers.
    pub mod collector {
        pub use crate::generated::opentelemetry_proto_collector_logs_v1 as logs;
        pub use crate::generated::opentelemetry_proto_collector_metrics_v1 as metrics;
        pub use crate::generated::opentelemetry_proto_collector_trace_v1 as trace;
    }

    /// A `google.protobuf.FileDescriptorSet` of all files of OTLP, from which its JSON form follows.
    pub const DESCRIPTOR_SET: &[u8] = include_bytes!("generated/otlp.desc");
}

/// A `google.protobuf.FileDescriptorSet`: every file of the API with everything it imports, without comments
/// and positions. It is what server reflection serves.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!("generated/api.desc");
