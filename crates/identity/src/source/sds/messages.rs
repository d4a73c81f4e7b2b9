//! The messages of secret discovery, as far as they are used: field numbers of `envoy/service/discovery/v3/discovery.proto`,
//! `envoy/extensions/transport_sockets/tls/v3/{secret,common}.proto` and `envoy/config/core/v3/base.proto`. Fields that are
//! not here are skipped when they come.

use prost::{Message, Oneof};

/// `envoy.config.core.v3.Node`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Node {
    #[prost(string, tag = "1")]
    pub(super) id: String,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
}

/// `envoy.service.discovery.v3.DiscoveryRequest`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DiscoveryRequest {
    #[prost(string, tag = "1")]
    pub(super) version_info: String,
    #[prost(message, optional, tag = "2")]
    pub(super) node: Option<Node>,
    #[prost(string, repeated, tag = "3")]
    pub(super) resource_names: Vec<String>,
    #[prost(string, tag = "4")]
    pub(super) type_url: String,
    #[prost(string, tag = "5")]
    pub(super) response_nonce: String,
    #[prost(message, optional, tag = "6")]
    pub(super) error_detail: Option<RpcStatus>,
}

/// `envoy.service.discovery.v3.DiscoveryResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DiscoveryResponse {
    #[prost(string, tag = "1")]
    pub(super) version_info: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) resources: Vec<Any>,
    #[prost(string, tag = "4")]
    pub(super) type_url: String,
    #[prost(string, tag = "5")]
    pub(super) nonce: String,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Any {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

/// `envoy.extensions.transport_sockets.tls.v3.Secret`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Secret {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(oneof = "SecretType", tags = "2, 4")]
    pub(super) kind: Option<SecretType>,
}

/// The kinds of secret that are used.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum SecretType {
    #[prost(message, tag = "2")]
    TlsCertificate(TlsCertificate),
    #[prost(message, tag = "4")]
    ValidationContext(CertificateValidationContext),
}

/// `envoy.extensions.transport_sockets.tls.v3.TlsCertificate`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TlsCertificate {
    #[prost(message, optional, tag = "1")]
    pub(super) certificate_chain: Option<DataSource>,
    #[prost(message, optional, tag = "2")]
    pub(super) private_key: Option<DataSource>,
}

/// `envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CertificateValidationContext {
    #[prost(message, optional, tag = "1")]
    pub(super) trusted_ca: Option<DataSource>,
}

/// `envoy.config.core.v3.DataSource`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DataSource {
    #[prost(oneof = "Specifier", tags = "1, 2, 3")]
    pub(super) specifier: Option<Specifier>,
}

/// Where the bytes are.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Specifier {
    #[prost(string, tag = "1")]
    Filename(String),
    #[prost(bytes, tag = "2")]
    InlineBytes(Vec<u8>),
    #[prost(string, tag = "3")]
    InlineString(String),
}
