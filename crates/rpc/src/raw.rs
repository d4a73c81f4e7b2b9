//! gRPC over message bytes, for callers that read and write protobuf themselves.
//!
//! Typed messages cost an allocation for each string in them, on both ends. Here a message is one [`bytes::Bytes`]:
//! whoever reads it can keep parts of it without copying them.

mod client;
mod codec;
mod handler;
mod mixer;
mod serve;

pub use client::{unary, unary_buf};
pub use codec::BytesCodec;
pub use handler::HandlerService;
pub use mixer::{CHECK_PATH, MixerService, REPORT_PATH, RawMixer};
pub use serve::{DEFAULT_MAX_DECODING_MESSAGE_SIZE, ResponseFuture};
