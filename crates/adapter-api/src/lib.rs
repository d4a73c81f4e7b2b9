//! The one door between the server and adapters.
//!
//! The server sees an adapter only through [`Handler`]: encoded instances in, results out. A hosted adapter and a
//! gRPC adapter are two implementations of it. [`Adapter`] is the registry entry of one that can be hosted:
//! what it is called, what it takes, a pure check of its configuration, and how to build a handler.
//! No tonic, no tokio: an implementation brings its own.

mod adapter;
mod batch;
mod call;
mod error;
mod handler;

pub use adapter::{Adapter, AdapterInfo, BuildError, FieldProblem, HandlerSpec, InstanceInfo, Registry};
pub use batch::{Batch, BatchBuilder, Instance};
pub use call::{
    Any, Call, CheckResult, Dropped, QuotaCall, QuotaResult, ReportCall, ReportOutcome, Status, code,
};
pub use error::{ErrorKind, HandlerError};
pub use futures::future::BoxFuture;
pub use handler::Handler;
