//! What an adapter author tests an adapter with.
//!
//! A **scenario** ([`check`], [`Scenario`]) is one YAML file: configuration, what is asked, and the text of what
//! happens. It runs through the compiler and the engine of `mixs`, with the adapter hosted, behind the gRPC server of
//! the SDK, as a program, or at an address ([`Subject`]):
//!
//! ```no_run
//! # async fn test(adapter: std::sync::Arc<dyn mixer_adapter_sdk::Adapter>) {
//! use mixer_adapter_test::{Subject, check};
//!
//! check("tests/scenarios/blocked.yaml", &Subject::hosted(adapter.clone())).await.unwrap();
//! check("tests/scenarios/blocked.yaml", &Subject::served(adapter)).await.unwrap();
//! # }
//! ```
//!
//! The **conformance suite** ([`conform`]) examines anybody's adapter, in whatever language, at a gRPC address:
//!
//! ```no_run
//! # async fn examine() -> Result<(), mixer_adapter_test::conform::TargetError> {
//! use mixer_adapter_test::conform::{Observe, Options, Target, run};
//!
//! let target = Target::new("127.0.0.1:9080").resources("adapter.yaml", "…")?;
//! let report = run(target, &Observe::DryRun("/tmp/seen".into()), Options::default()).await;
//! assert!(report.is_good(), "{report}");
//! # Ok(())
//! # }
//! ```
//!
//! The README of this package tells the formats.

pub mod conform;
mod error;
mod golden;
mod program;
mod scenario;
mod subject;

pub use error::TestError;
pub use program::{Program, Running};
pub use scenario::{Scenario, check};
pub use subject::Subject;

/// The name of a `google.rpc.Code`.
pub(crate) fn code_name(code: i32) -> String {
    mixer_cli::rpc_code_name(code).map_or_else(|| format!("code {code}"), str::to_owned)
}
