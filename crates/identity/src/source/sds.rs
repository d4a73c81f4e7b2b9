//! Certificates from Envoy's secret discovery service over a socket file, as istio-agent serves it: a stream for each
//! secret, every update acknowledged or refused with the reason.
//!
//! Source: <https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol> and `envoy/service/secret/v3/sds.proto`.

mod messages;

use std::sync::Arc;

use futures::future::join;
use http::uri::PathAndQuery;
use parking_lot::Mutex;
use prost::Message as _;
use rustls_pki_types::CertificateDer;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::transport::Endpoint;
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use self::messages::{
    DataSource, DiscoveryRequest, DiscoveryResponse, Node, RpcStatus, Secret, SecretType, Specifier,
};
use super::backoff::Backoff;
use super::{Sds, SocketPath};
use crate::credentials::Feed;
use crate::material::{Material, Own, certificates};
use crate::trust::{Trust, roots_of};

const METHOD: PathAndQuery =
    PathAndQuery::from_static("/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets");
const TYPE_URL: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

/// gRPC's INVALID_ARGUMENT, which says that an update is refused.
const INVALID_ARGUMENT: i32 = 3;

/// The longest update.
const MAX_UPDATE: usize = 4 << 20;

/// What a secret holds.
enum Part {
    Own(Own),
    Trust(Trust),
}

/// What has come so far.
struct Parts {
    wanted: Sds,
    feed: Arc<Feed>,
    found: Mutex<(Option<Own>, Option<Trust>)>,
}

impl Parts {
    fn add(&self, part: Part) {
        let mut found = self.found.lock();
        match part {
            Part::Own(own) => found.0 = Some(own),
            Part::Trust(trust) => found.1 = Some(trust),
        }
        let (own, trust) = found.clone();
        let complete = (own.is_some() || self.wanted.certificate.is_none())
            && (trust.is_some() || self.wanted.authorities.is_none());
        if complete {
            self.feed.loaded(Material { own, trust: trust.unwrap_or_default() });
        }
    }
}

/// Follows the secrets for ever.
pub(super) async fn follow(wanted: Sds, feed: Arc<Feed>) {
    let (certificate, authorities) = (wanted.certificate.clone(), wanted.authorities.clone());
    let parts = Parts { wanted, feed, found: Mutex::default() };
    join(stay(&parts, certificate), stay(&parts, authorities)).await;
}

/// Subscribes to one secret again and again.
async fn stay(parts: &Parts, name: Option<String>) {
    let Some(name) = name else { return };
    let mut subscription = Subscription { name, version: String::new() };
    let mut backoff = Backoff::default();
    loop {
        let ended = subscription.run(parts, &mut backoff).await;
        let name = &subscription.name;
        let reason = match ended {
            Ok(()) => format!("secret {name:?}: the service ended the stream"),
            Err(status) => format!("secret {name:?}: {}: {}", status.code(), text_of(&status)),
        };
        parts.feed.failed(reason);
        backoff.pause().await;
    }
}

/// A status and what caused it.
pub(super) fn text_of(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A client of gRPC at a socket file.
pub(super) async fn connect(socket: &SocketPath) -> Result<Grpc<tonic::transport::Channel>, Status> {
    let unavailable = |error: tonic::transport::Error| Status::from_error(Box::new(error));
    let endpoint = Endpoint::from_shared(socket.to_string()).map_err(unavailable)?;
    let mut client = Grpc::new(endpoint.connect().await.map_err(unavailable)?);
    client.ready().await.map_err(unavailable)?;
    Ok(client.max_decoding_message_size(MAX_UPDATE))
}

/// One secret.
struct Subscription {
    name: String,
    /// The version that was taken last; a new stream begins with it.
    version: String,
}

impl Subscription {
    async fn run(&mut self, parts: &Parts, backoff: &mut Backoff) -> Result<(), Status> {
        let mut client = connect(&parts.wanted.socket).await?;
        let (requests, receiver) = mpsc::channel(4);
        let first = DiscoveryRequest {
            node: Some(Node { id: format!("mixer-rs~{}", std::process::id()) }),
            ..self.request(String::new(), None)
        };
        // The receiver is there, so there is room.
        let _ = requests.send(first).await;
        let codec = ProstCodec::<DiscoveryRequest, DiscoveryResponse>::default();
        let request = Request::new(ReceiverStream::new(receiver));
        let mut answers: Streaming<DiscoveryResponse> =
            client.streaming(request, METHOD, codec).await?.into_inner();
        while let Some(answer) = answers.message().await? {
            let (version, nonce) = (answer.version_info.clone(), answer.nonce.clone());
            let refused = match self.read(answer).await {
                Ok(None) => None,
                Ok(Some(part)) => {
                    parts.add(part);
                    backoff.reset();
                    None
                }
                Err(reason) => {
                    parts.feed.failed(format!("secret {:?}: {reason}", self.name));
                    Some(reason)
                }
            };
            if refused.is_none() {
                self.version = version;
            }
            if requests.send(self.request(nonce, refused)).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Asks for the secret, and says what became of the update of a nonce.
    fn request(&self, nonce: String, refused: Option<String>) -> DiscoveryRequest {
        DiscoveryRequest {
            version_info: self.version.clone(),
            node: None,
            resource_names: vec![self.name.clone()],
            type_url: TYPE_URL.to_owned(),
            response_nonce: nonce,
            error_detail: refused.map(|message| RpcStatus { code: INVALID_ARGUMENT, message }),
        }
    }

    /// What an update holds; none when it does not say anything of the secret.
    async fn read(&self, answer: DiscoveryResponse) -> Result<Option<Part>, String> {
        for resource in answer.resources {
            if resource.type_url != TYPE_URL {
                return Err(format!("the update holds a {:?} in the place of a secret", resource.type_url));
            }
            let secret =
                Secret::decode(&*resource.value).map_err(|error| format!("it cannot be read: {error}"))?;
            if secret.name == self.name {
                return part(secret).await.map(Some);
            }
        }
        Ok(None)
    }
}

async fn part(secret: Secret) -> Result<Part, String> {
    match secret.kind {
        Some(SecretType::TlsCertificate(pair)) => {
            let chain = bytes_of(pair.certificate_chain, "certificate_chain").await?;
            let key = bytes_of(pair.private_key, "private_key").await?;
            Own::from_pem(&chain, &key).map(Part::Own)
        }
        Some(SecretType::ValidationContext(context)) => {
            let authorities: Vec<CertificateDer<'static>> =
                certificates(&bytes_of(context.trusted_ca, "trusted_ca").await?)?;
            roots_of(authorities).map(|roots| Part::Trust(Trust::of_everyone(roots)))
        }
        None => Err("it is neither a certificate nor a validation context".to_owned()),
    }
}

async fn bytes_of(source: Option<DataSource>, field: &str) -> Result<Vec<u8>, String> {
    match source.and_then(|source| source.specifier) {
        Some(Specifier::InlineBytes(bytes)) => Ok(bytes),
        Some(Specifier::InlineString(text)) => Ok(text.into_bytes()),
        Some(Specifier::Filename(file)) => {
            tokio::fs::read(&file).await.map_err(|error| format!("{field} is the file {file:?}: {error}"))
        }
        None => Err(format!("{field} has no inline_bytes, inline_string or filename; is it set?")),
    }
}
