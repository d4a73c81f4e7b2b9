//! Certificates from the SPIFFE Workload API over a socket file, as SPIRE serves it: one stream, of which each message takes
//! the place of the one before.
//!
//! Source: <https://spiffe.io/docs/latest/spiffe-specs/spiffe_workload_api/> (X.509-SVID profile) and `workload.proto`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::uri::PathAndQuery;
use prost::Message;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::RootCertStore;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::SocketPath;
use super::backoff::Backoff;
use super::sds::{connect, text_of};
use crate::credentials::Feed;
use crate::material::{Material, Own};
use crate::trust::{Trust, roots_of};
use mixer_peer_id::trust_domain;

/// The service has no package.
const METHOD: PathAndQuery = PathAndQuery::from_static("/SpiffeWorkloadAPI/FetchX509SVID");

/// A call without it is refused by the API, so that no other program can be made to call it.
const SECURITY_HEADER: &str = "workload.spiffe.io";

/// `X509SVIDRequest`.
#[derive(Clone, Copy, PartialEq, Message)]
struct X509SvidRequest {}

/// `X509SVIDResponse`, as far as it is used.
#[derive(Clone, PartialEq, Message)]
struct X509SvidResponse {
    #[prost(message, repeated, tag = "1")]
    svids: Vec<X509Svid>,
    #[prost(map = "string, bytes", tag = "3")]
    federated_bundles: HashMap<String, Vec<u8>>,
}

/// `X509SVID`.
#[derive(Clone, PartialEq, Message)]
struct X509Svid {
    #[prost(string, tag = "1")]
    spiffe_id: String,
    #[prost(bytes = "vec", tag = "2")]
    x509_svid: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    x509_svid_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    bundle: Vec<u8>,
}

/// Follows the API; ends when it says that asking again is of no use.
pub(super) async fn follow(socket: SocketPath, feed: Arc<Feed>) {
    let mut backoff = Backoff::default();
    loop {
        match stream(&socket, &feed, &mut backoff).await {
            Ok(()) => feed.failed("the API ended the stream"),
            Err(status) if status.code() == Code::InvalidArgument => {
                // The specification: the call will never succeed and must not be made again.
                return feed.failed(format!("the API refuses this client for good: {}", text_of(&status)));
            }
            Err(status) if status.code() == Code::PermissionDenied => {
                feed.failed(format!("no identity is registered for this workload: {}", text_of(&status)));
            }
            Err(status) => feed.failed(format!("{}: {}", status.code(), text_of(&status))),
        }
        backoff.pause().await;
    }
}

async fn stream(socket: &SocketPath, feed: &Feed, backoff: &mut Backoff) -> Result<(), Status> {
    let mut client = connect(socket).await?;
    let mut request = Request::new(X509SvidRequest {});
    request.metadata_mut().insert(SECURITY_HEADER, MetadataValue::from_static("true"));
    let codec = ProstCodec::<X509SvidRequest, X509SvidResponse>::default();
    let mut answers: Streaming<X509SvidResponse> =
        client.server_streaming(request, METHOD, codec).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        match material(answer) {
            Ok(material) => {
                feed.loaded(material);
                backoff.reset();
            }
            Err(reason) => feed.failed(reason),
        }
    }
    Ok(())
}

/// The first identity is the one to use when nobody chose.
fn material(answer: X509SvidResponse) -> Result<Material, String> {
    let svid = answer.svids.into_iter().next().ok_or("the API answered without an identity")?;
    let id = svid.spiffe_id;
    let wrong = |what: &str| format!("the identity {id}: {what}");
    let domain = trust_domain(&id).ok_or_else(|| wrong("it is no SPIFFE id"))?.to_owned();
    let chain = split(&svid.x509_svid).map_err(|error| wrong(&format!("its certificates: {error}")))?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(svid.x509_svid_key));
    let own = Own::new(chain, key).map_err(|error| wrong(&error))?;
    if own.facts().uris.as_slice() != std::slice::from_ref(&id) {
        return Err(wrong(&format!("its certificate names [{}] instead", own.facts().uris.join(", "))));
    }
    let mut domains: BTreeMap<String, RootCertStore> = BTreeMap::new();
    domains.insert(domain, bundle(&svid.bundle).map_err(|error| wrong(&format!("its bundle: {error}")))?);
    for (name, bytes) in answer.federated_bundles {
        let name = trust_domain(&name).unwrap_or(&name).to_owned();
        let roots = bundle(&bytes).map_err(|error| format!("the bundle of trust domain {name}: {error}"))?;
        // What a foreign domain says of our own does not count.
        domains.entry(name).or_insert(roots);
    }
    Ok(Material { own: Some(own), trust: Trust::of_domains(domains) })
}

fn bundle(der: &[u8]) -> Result<RootCertStore, String> {
    roots_of(split(der)?)
}

/// Certificates in DER, one after the other with nothing between.
fn split(mut der: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut certificates = Vec::new();
    while !der.is_empty() {
        let (rest, _) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
        let length = der.len().saturating_sub(rest.len());
        certificates.push(CertificateDer::from(der.get(..length).unwrap_or(der).to_vec()));
        der = rest;
    }
    Ok(certificates)
}
