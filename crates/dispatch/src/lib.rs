//! Finds the actions of a request and calls adapters.
//!
//! [`Engine`] holds the current [`Runtime`]: one configuration snapshot, prepared routes and running handlers,
//! replaced whole. A front door takes the runtime, fills a bag of its vocabulary and asks [`Runtime::check`], or
//! hands bags to a [`Reporter`]. Adapters are seen only through the trait of `mixer-adapter-api`; one that is a
//! process of its own is called over gRPC.

mod check;
mod engine;
mod handler;
mod matching;
mod metrics;
mod options;
mod outcome;
mod preprocess;
mod quota;
mod rate_limited_log;
mod report;
mod route;
mod runtime;
mod scratch;

pub use check::http_status;
pub use engine::{ApplyReport, BuildFailure, Engine};
pub use handler::{Resolve, SystemResolver};
pub use options::EngineOptions;
pub use outcome::{
    AddOutcome, CallTrace, CheckError, CheckOutcome, DirectResponse, DroppedInstances, HeaderChange,
    QuotaOutcome, QuotaRequest, ReportSummary, RouteDirective, Stage,
};
pub use rate_limited_log::RateLimitedLog;
pub use report::Reporter;
pub use runtime::Runtime;
