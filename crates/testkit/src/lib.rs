//! What tests of the server and of adapters share: an adapter that records what it is asked and answers by
//! script, hosted and as a gRPC server, and strict fakes of backends. A dev-dependency only.

mod event;
mod google;
mod grpc;
mod newrelic;
mod otlp;
pub mod pki;
mod recorder;
mod remote_write;
mod script;
mod way;

pub use event::{Event, Recorded};
pub use google::{FakeGoogle, GoogleReply, GoogleSeen};
pub use grpc::{GrpcAdapter, Method};
pub use newrelic::{FakeNewRelic, IngestApi, Scripted, Seen, SeenRequest};
pub use otlp::{FakeCollector, OtlpReply, OtlpRequest, OtlpSeen, flat as otlp_flat};
pub use recorder::Recorder;
pub use remote_write::{
    FakeRemoteWrite, Knows, NativeHistogram, Reply, WriteRequestSeen, WrittenExemplar, WrittenPoint,
    WrittenValue,
};
pub use script::Script;
pub use way::Way;
