//! Sends requests to a collector, by the rules of OTLP for what its answers mean.

mod grpc;
mod http;

use std::fmt;
use std::sync::Arc;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use mixer_adapter_api::BuildError;
use mixer_proto::otlp::collector::trace::ExportTraceServiceResponse;
use prost::Message as _;

use super::item::{Item, Signal};
use super::warnings::Warnings;
use super::{envelope, json};
use crate::delivery::engine::{Backend, Payload};
use crate::delivery::grpc::{GrpcClient, frame};
use crate::delivery::http::{Credential, HttpClient, HttpOptions, Url, gzip};
use crate::delivery::outcome::{Outcome, reason};
use crate::typed::Refused;

/// What collectors take, before compression and after (OTLP 1, recommended limits).
const MAX_GRPC: usize = 4 << 20;
const MAX_HTTP: usize = 20 << 20;

/// Form and transport of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// Protobuf over HTTP.
    HttpProtobuf,
    /// JSON over HTTP.
    HttpJson,
}

impl Protocol {
    /// The largest request that a collector takes, in bytes, compressed or not.
    pub fn max_bytes(self) -> usize {
        match self {
            Self::Grpc => MAX_GRPC,
            Self::HttpProtobuf | Self::HttpJson => MAX_HTTP,
        }
    }
}

/// The value of a header.
#[derive(Clone, Debug)]
pub enum Header {
    /// Always this.
    Value(HeaderValue),
    /// As the credential is when a request is sent.
    Credential(Arc<Credential>),
}

/// Where one signal goes.
#[derive(Clone, Debug)]
pub struct ExporterOptions {
    /// Over HTTP the whole URL, for gRPC that of the server.
    pub url: Url,
    /// Form and transport.
    pub protocol: Protocol,
    /// Whether requests are compressed.
    pub gzip: bool,
    /// Headers of each request, metadata of gRPC.
    pub headers: Vec<(HeaderName, Header)>,
    /// How to connect.
    pub http: HttpOptions,
    /// Name of the instrumentation scope: who has made the items.
    pub scope: &'static str,
}

/// Sends one signal to a collector.
pub struct Exporter {
    signal: Signal,
    protocol: Protocol,
    gzip: bool,
    headers: Vec<(HeaderName, Header)>,
    scope: &'static str,
    transport: Transport,
    warnings: Warnings,
}

enum Transport {
    Grpc(GrpcClient),
    Http(HttpClient, Url),
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signal, protocol, .. } = self;
        f.debug_struct("Exporter").field("signal", signal).field("protocol", protocol).finish_non_exhaustive()
    }
}

impl Exporter {
    /// A client of the collector at this place, made within a runtime. It connects with its first request.
    ///
    /// # Errors
    ///
    /// Files of certificates, or the URL, cannot be used.
    pub fn new(signal: Signal, options: ExporterOptions) -> Result<Self, BuildError> {
        let failed = |error: &dyn fmt::Display| BuildError(format!("{}: {error}", signal.name()));
        let ExporterOptions { url, protocol, gzip, headers, http, scope } = options;
        let transport = match protocol {
            Protocol::Grpc => Transport::Grpc(GrpcClient::new(&url, &http).map_err(|error| failed(&error))?),
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                let client = HttpClient::new(&http).map_err(|error| failed(&error))?;
                Transport::Http(client, url)
            }
        };
        Ok(Self { signal, protocol, gzip, headers, scope, transport, warnings: Warnings::default() })
    }

    /// Which account the headers stand for: the breaker is that of the account.
    pub fn account(&self) -> String {
        let value = |header: &Header| match header {
            Header::Value(value) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
            Header::Credential(credential) => credential.get().expose().to_owned(),
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
                Header::Credential(credential) => credential.header().map_err(|error| Outcome::Retry {
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

impl Backend for Exporter {
    type Item = Item;

    fn size(&self, item: &Item) -> usize {
        item.size()
    }

    fn encode(&self, items: &[Item]) -> Result<Bytes, Refused> {
        let request = envelope::encode(self.scope, items);
        let request = match self.protocol {
            Protocol::HttpJson => json::of(self.signal, &request)?,
            Protocol::Grpc | Protocol::HttpProtobuf => request,
        };
        let most = self.protocol.max_bytes();
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
