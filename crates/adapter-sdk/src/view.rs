//! Instances of the shipped templates as adapters see them: borrowed from the message, values decoded when asked
//! for. The order of fields and map entries does not matter.

mod authorization;
mod generic;
mod list_entry;
mod log_entry;
mod map;
mod metric;
mod plain;
mod quota;

pub use authorization::{ActionView, AuthorizationView, SubjectView};
pub use generic::InstanceView;
pub use list_entry::ListEntryView;
pub use log_entry::LogEntryView;
pub use map::{ValueEntries, ValueMap};
pub use metric::MetricView;
pub use plain::{ApiKeyView, CheckNothingView, EdgeView, KubernetesView, ReportNothingView, TraceSpanView};
pub use quota::QuotaView;

/// Number of the field `name` of every instance.
pub const NAME_FIELD: u32 = 72_295_727;
