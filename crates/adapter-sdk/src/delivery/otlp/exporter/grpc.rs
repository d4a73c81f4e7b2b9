//! Calls of `Export` over gRPC (OTLP 1, OTLP/gRPC): the codes that are worth another try are those of the SDK's table, which is
//! OTLP's.

use crate::delivery::grpc::{GrpcClient, outcome};
use crate::delivery::{Outcome, Payload};
use ::http::HeaderMap;

use super::super::item::Signal;
use super::{Exporter, gunzip, rejected};

/// Before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

impl Signal {
    fn method(self) -> &'static str {
        match self {
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        }
    }
}

impl Exporter {
    pub(super) async fn call(&self, client: &GrpcClient, headers: HeaderMap, payload: &Payload) -> Outcome {
        match client.unary(self.signal.method(), headers, payload.body.clone()).await {
            Ok(answer) => {
                let (rejected, message) = rejected(&answer);
                self.partly(rejected, &message, payload.items)
            }
            Err(status) => outcome(&status),
        }
    }
}

/// The message of a frame.
pub(super) fn unframed(frame: &[u8]) -> Option<Vec<u8>> {
    let message = frame.get(PREFIX..)?;
    match frame.first()? {
        0 => Some(message.to_vec()),
        _ => gunzip(message),
    }
}
