//! What tests of the server and of adapters share: an adapter that records what it is asked and answers by
//! script, hosted and as a gRPC server, and strict fakes of backends. A dev-dependency only.

mod event;
mod grpc;
mod newrelic;
pub mod pki;
mod recorder;
mod script;

pub use event::{Event, Recorded};
pub use grpc::{GrpcAdapter, Method};
pub use newrelic::{FakeNewRelic, Seen};
pub use recorder::Recorder;
pub use script::Script;
