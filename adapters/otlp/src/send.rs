//! Sends requests to a collector, by the rules of OTLP for what its answers mean.

mod grpc;
mod http;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use mixer_adapter_sdk::BuildError;
use mixer_adapter_sdk::delivery::grpc::{GrpcClient, frame};
use mixer_adapter_sdk::delivery::http::{Credential, HttpClient, gzip};
use mixer_adapter_sdk::delivery::{Backend, Outcome, Payload, reason};
use mixer_adapter_sdk::typed::Refused;
use mixer_proto::otlp::collector::trace::ExportTraceServiceResponse;
use prost::Message as _;

use crate::config::{Destination, HeaderSource, Protocol};
use crate::envelope;
use crate::item::{Item, Signal};
use crate::json;
use crate::warnings::Warnings;

/// What collectors take, before compression and after (OTLP 1, recommended limits).
const MAX_GRPC: usize = 4 << 20;
const MAX_HTTP: usize = 20 << 20;

/// Where one signal goes.
pub(crate) struct Collector {
    signal: Signal,
    protocol: Protocol,
    gzip: bool,
    headers: Vec<(HeaderName, Header)>,
    transport: Transport,
    warnings: Warnings,
}

enum Transport {
    Grpc(GrpcClient),
    Http(HttpClient, mixer_adapter_sdk::delivery::http::Url),
}

enum Header {
    Value(HeaderValue),
    File(Credential),
}

impl Collector {
    pub(crate) async fn new(signal: Signal, destination: &Destination) -> Result<Self, BuildError> {
        let failed = |error: &dyn std::fmt::Display| BuildError(format!("{}: {error}", signal.name()));
        let mut headers = Vec::new();
        for (name, source) in &destination.headers {
            let header = match source {
                HeaderSource::Value(value) => Header::Value(value.clone()),
                HeaderSource::File(file) => {
                    Header::File(Credential::from_file(file).await.map_err(|error| failed(&error))?)
                }
            };
            headers.push((name.clone(), header));
        }
        let (url, options) = (&destination.url, &destination.options);
        let transport = match destination.protocol {
            Protocol::Grpc => Transport::Grpc(GrpcClient::new(url, options).map_err(|error| failed(&error))?),
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                let client = HttpClient::new(options).map_err(|error| failed(&error))?;
                Transport::Http(client, url.clone())
            }
        };
        let (protocol, gzip) = (destination.protocol, destination.gzip);
        Ok(Self { signal, protocol, gzip, headers, transport, warnings: Warnings::default() })
    }

    /// The largest request that a collector takes.
    pub(crate) fn max_bytes(protocol: Protocol) -> usize {
        match protocol {
            Protocol::Grpc => MAX_GRPC,
            Protocol::HttpProtobuf | Protocol::HttpJson => MAX_HTTP,
        }
    }

    /// Which account the headers stand for: the breaker is that of the account.
    pub(crate) fn account(&self) -> String {
        let value = |header: &Header| match header {
            Header::Value(value) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
            Header::File(credential) => credential.get().expose().to_owned(),
        };
        let headers = self.headers.iter().map(|(name, header)| format!("{name}: {}\n", value(header)));
        headers.collect()
    }

    /// The headers as their files are now.
    fn headers(&self) -> Result<HeaderMap, Outcome> {
        let mut headers = HeaderMap::new();
        for (name, header) in &self.headers {
            let value = match header {
                Header::Value(value) => value.clone(),
                // A value that cannot be sent may be replaced: its file is looked at again.
                Header::File(credential) => credential.header().map_err(|error| Outcome::Retry {
                    after: None,
                    detail: format!("the header {name} cannot be sent: {error}"),
                })?,
            };
            headers.insert(name.clone(), value);
        }
        Ok(headers)
    }

    /// What an answer without an error says of items that were refused.
    fn partly(&self, rejected: i64, message: &str, items: usize) -> Outcome {
        let refused = usize::try_from(rejected).unwrap_or_default().min(items);
        if refused > 0 {
            let detail = format!("the collector rejected {rejected} of {items}: {message}");
            return Outcome::Partly { refused, reason: "partial_success", detail };
        }
        if !message.is_empty() {
            self.warnings.tell(self.signal, message);
        }
        Outcome::Delivered
    }
}

/// The parts of an answer that count; they have the same numbers for all signals.
fn rejected(body: &[u8]) -> (i64, String) {
    let answer = ExportTraceServiceResponse::decode(body).unwrap_or_default();
    let partial = answer.partial_success.unwrap_or_default();
    (partial.rejected_spans, partial.error_message)
}

impl Backend for Collector {
    type Item = Item;

    fn size(&self, item: &Item) -> usize {
        item.size()
    }

    fn encode(&self, items: &[Item]) -> Result<Bytes, Refused> {
        let request = envelope::encode(items);
        let request = match self.protocol {
            Protocol::HttpJson => json::of(self.signal, &request)?,
            Protocol::Grpc | Protocol::HttpProtobuf => request,
        };
        let most = Self::max_bytes(self.protocol);
        if request.len() > most {
            let detail = format!("a request has {} bytes; collectors take {most}", request.len());
            return Err(Refused::new(reason::TOO_LARGE, detail));
        }
        Ok(match (self.protocol, self.gzip) {
            (Protocol::Grpc, gzip) => frame(&request, gzip),
            (_, true) => gzip(&request),
            (_, false) => request.into(),
        })
    }

    fn decode(&self, body: &Bytes) -> Option<Vec<Item>> {
        let request = match self.protocol {
            Protocol::Grpc => grpc::unframed(body)?,
            Protocol::HttpProtobuf | Protocol::HttpJson => http::unpacked(body, self.gzip)?,
        };
        let request = match self.protocol {
            Protocol::HttpJson => json::read(self.signal, &request)?,
            Protocol::Grpc | Protocol::HttpProtobuf => request,
        };
        envelope::decode(self.signal, &request)
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let headers = match self.headers() {
            Ok(headers) => headers,
            Err(outcome) => return outcome,
        };
        match &self.transport {
            Transport::Grpc(client) => self.call(client, headers, payload).await,
            Transport::Http(client, url) => self.post(client, url, headers, payload).await,
        }
    }
}

/// Reads what [`gzip`] has made, of requests that are no larger than collectors take.
fn gunzip(body: &[u8]) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let mut request = Vec::new();
    let limit = MAX_HTTP as u64 + 1;
    flate2::read::GzDecoder::new(body).take(limit).read_to_end(&mut request).ok()?;
    (request.len() <= MAX_HTTP).then_some(request)
}

#[cfg(test)]
mod tests;
