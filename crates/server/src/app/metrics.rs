//! Metrics of the process and of the build.

use prometheus::process_collector::ProcessCollector;
use prometheus::{IntGaugeVec, Opts, Registry};

use crate::version::BUILD;

/// Registers `process_*` and `istio_build`.
///
/// # Errors
/// A metric of the same name is registered already.
pub(super) fn register(registry: &Registry) -> prometheus::Result<()> {
    let build = Opts::new("istio_build", "1, with the component and the tag of the build.");
    let build = IntGaugeVec::new(build, &["component", "tag"])?;
    build.with_label_values(&["mixer", BUILD.tag]).set(1);
    registry.register(Box::new(build))?;
    registry.register(Box::new(ProcessCollector::for_self()))
}
