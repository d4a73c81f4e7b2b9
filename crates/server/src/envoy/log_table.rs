//! Attributes of an access log entry: the table from attribute name to the place in
//! `envoy.data.accesslog.v3`, for HTTP and TCP entries.

use std::collections::HashMap;

use envoy_types::pb::envoy::config::core::v3::RequestMethod;
use envoy_types::pb::envoy::data::accesslog::v3::tls_properties::CertificateProperties;
use envoy_types::pb::envoy::data::accesslog::v3::tls_properties::certificate_properties::subject_alt_name::San;
use envoy_types::pb::envoy::data::accesslog::v3::{
    AccessLogCommon, AccessLogType, ConnectionProperties, HttpRequestProperties, HttpResponseProperties,
    TlsProperties,
};
use envoy_types::pb::google::protobuf::Struct;
use mixer_attribute::{Duration, Timestamp};

use super::derive;
use super::field::Field;
use super::flags;
use super::workload::Workload;

/// Takes one attribute's value from an entry.
pub(super) type Take = for<'v, 'r> fn(&'v LogView<'r>) -> Option<Field<'v>>;

/// What differs between HTTP and TCP entries.
#[derive(Clone, Copy)]
pub(super) enum Protocol<'r> {
    Http(&'r HttpRequestProperties, &'r HttpResponseProperties),
    Tcp {
        /// Totals of the connection.
        totals: &'r ConnectionProperties,
        /// Bytes since the last entry of the same connection.
        since: ConnectionProperties,
    },
}

/// An entry, with what several rows need worked out once.
pub(super) struct LogView<'r> {
    common: &'r AccessLogCommon,
    protocol: Protocol<'r>,
    node: &'r Workload,
    peer: Option<Workload>,
    outbound: bool,
    claims: Option<&'r Struct>,
    now: Timestamp,
}

impl<'r> LogView<'r> {
    /// A view of an entry that the proxy `node` sent.
    pub(super) fn new(
        common: &'r AccessLogCommon,
        protocol: Protocol<'r>,
        node: &'r Workload,
        now: Timestamp,
    ) -> Self {
        let outbound = common.upstream_cluster.starts_with("outbound|");
        let key = if outbound { "upstream_peer" } else { "downstream_peer" };
        let claims = derive::verified_claims(common.metadata.as_ref());
        let peer = common.filter_state_objects.get(key).and_then(Workload::of_peer);
        Self { common, protocol, node, peer, outbound, claims, now }
    }

    /// Custom tags: each may be named like an attribute and then sets it.
    pub(super) fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        self.common.custom_tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    fn http(&self) -> Option<(&'r HttpRequestProperties, &'r HttpResponseProperties)> {
        match self.protocol {
            Protocol::Http(request, response) => Some((request, response)),
            Protocol::Tcp { .. } => None,
        }
    }

    fn request(&self) -> Option<&'r HttpRequestProperties> {
        self.http().map(|(request, _)| request)
    }

    fn response(&self) -> Option<&'r HttpResponseProperties> {
        self.http().map(|(_, response)| response)
    }

    fn source(&self) -> Option<&Workload> {
        if self.outbound { Some(self.node) } else { self.peer.as_ref() }
    }

    fn destination(&self) -> Option<&Workload> {
        if self.outbound { self.peer.as_ref() } else { Some(self.node) }
    }

    fn tls(&self) -> Option<&TlsProperties> {
        self.common.tls_properties.as_ref()
    }

    fn source_principal(&self) -> Option<&str> {
        let tls = self.tls()?;
        let certificate =
            if self.outbound { &tls.local_certificate_properties } else { &tls.peer_certificate_properties };
        identity(certificate.as_ref()?)
    }

    fn destination_principal(&self) -> Option<&str> {
        // An outbound entry knows the client's side of its own connection only.
        if self.outbound { None } else { identity(self.tls()?.local_certificate_properties.as_ref()?) }
    }

    fn host(&self) -> Option<&str> {
        let of_cluster = derive::cluster_host(&self.common.upstream_cluster);
        let authority = || self.request().map(|request| derive::without_port(&request.authority));
        of_cluster.or_else(authority).filter(|host| !host.is_empty())
    }

    fn service(&self) -> Option<(&str, &str)> {
        let known = self.destination().map(|workload| workload.namespace.as_str());
        derive::service_of(self.host()?, known)
    }

    fn trailer(&self, name: &str) -> Option<Field<'_>> {
        let response = self.response()?;
        Field::text(
            response.response_trailers.get(name).or_else(|| response.response_headers.get(name))?.as_str(),
        )
    }

    /// What our own check said about this request: ext_authz metadata comes back in the entry.
    fn check_result(&self) -> Option<&Struct> {
        let metadata = &self.common.metadata.as_ref()?.filter_metadata;
        ["envoy.filters.http.ext_authz", "envoy.filters.network.ext_authz"]
            .iter()
            .find_map(|key| metadata.get(*key))
    }

    fn totals(&self) -> Option<(&'r ConnectionProperties, ConnectionProperties)> {
        match self.protocol {
            Protocol::Tcp { totals, since } => Some((totals, since)),
            Protocol::Http(..) => None,
        }
    }
}

fn identity(certificate: &CertificateProperties) -> Option<&str> {
    certificate.subject_alt_name.iter().find_map(|name| match name.san.as_ref()? {
        San::Uri(uri) => Some(uri.as_str()),
        San::Dns(_) => None,
    })
}

fn text_map(map: &HashMap<String, String>) -> Option<Field<'_>> {
    Field::map(map.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect())
}

fn connection_event(kind: i32) -> &'static str {
    match AccessLogType::try_from(kind) {
        Ok(AccessLogType::TcpConnectionStart) => "open",
        Ok(AccessLogType::TcpPeriodic | AccessLogType::TcpUpstreamConnected) => "continue",
        _ => "close",
    }
}

/// The table.
pub(super) const TABLE: &[(&str, Take)] = &[
    ("context.protocol", |v| match v.request() {
        Some(r) if r.request_headers.get("content-type").is_some_and(|t| derive::is_grpc(t)) => {
            Field::text("grpc")
        }
        Some(_) if v.trailer("grpc-status").is_some() => Field::text("grpc"),
        Some(_) => Field::text("http"),
        None => Field::text("tcp"),
    }),
    ("context.reporter.kind", |v| Field::text(if v.outbound { "outbound" } else { "inbound" })),
    ("context.reporter.uid", |v| v.node.uid()),
    ("context.proxy_error_code", |v| Field::text(flags::codes(v.common.response_flags.as_ref()))),
    ("context.time", |v| Some(Field::Timestamp(v.now))),
    ("context.timestamp", |v| Some(Field::Timestamp(v.now))),
    ("source.ip", |v| Field::ip(v.common.downstream_remote_address.as_ref())),
    ("source.uid", |v| v.source()?.uid()),
    ("source.name", |v| Field::text(v.source()?.name.as_str())),
    ("source.namespace", |v| {
        let known = v.source().map(|workload| workload.namespace.as_str()).filter(|text| !text.is_empty());
        Field::text(known.or_else(|| derive::identity_part(v.source_principal()?, "ns"))?)
    }),
    ("source.labels", |v| v.source()?.label_map()),
    ("source.owner", |v| Field::text(v.source()?.owner.as_str())),
    ("source.principal", |v| derive::principal(v.source_principal()?)),
    ("source.user", |v| derive::principal(v.source_principal()?)),
    ("source.serviceAccount", |v| {
        let known =
            v.source().map(|workload| workload.service_account.as_str()).filter(|text| !text.is_empty());
        Field::text(known.or_else(|| derive::identity_part(v.source_principal()?, "sa"))?)
    }),
    ("source.workload.name", |v| Field::text(v.source()?.workload.as_str())),
    ("source.workload.namespace", |v| Field::text(v.source()?.namespace.as_str())),
    ("source.workload.uid", |v| v.source()?.workload_uid()),
    ("destination.ip", |v| {
        let common = v.common;
        Field::ip(
            if v.outbound { &common.upstream_remote_address } else { &common.downstream_local_address }
                .as_ref(),
        )
    }),
    ("destination.port", |v| {
        let common = v.common;
        Field::port(
            if v.outbound { &common.upstream_remote_address } else { &common.downstream_local_address }
                .as_ref(),
        )
    }),
    ("destination.uid", |v| v.destination()?.uid()),
    ("destination.name", |v| Field::text(v.destination()?.name.as_str())),
    ("destination.namespace", |v| {
        let known =
            v.destination().map(|workload| workload.namespace.as_str()).filter(|text| !text.is_empty());
        Field::text(known.or_else(|| Some(v.service()?.1))?)
    }),
    ("destination.labels", |v| v.destination()?.label_map()),
    ("destination.owner", |v| Field::text(v.destination()?.owner.as_str())),
    ("destination.principal", |v| derive::principal(v.destination_principal()?)),
    ("destination.serviceAccount", |v| {
        let known =
            v.destination().map(|workload| workload.service_account.as_str()).filter(|text| !text.is_empty());
        Field::text(known.or_else(|| derive::identity_part(v.destination_principal()?, "sa"))?)
    }),
    ("destination.workload.name", |v| Field::text(v.destination()?.workload.as_str())),
    ("destination.workload.namespace", |v| Field::text(v.destination()?.namespace.as_str())),
    ("destination.workload.uid", |v| v.destination()?.workload_uid()),
    ("destination.container.name", |v| Field::text(v.destination()?.containers.as_str())),
    ("destination.service.host", |v| Field::text(v.host()?)),
    ("destination.service.name", |v| Field::text(v.service().map(|(name, _)| name).or_else(|| v.host())?)),
    ("destination.service.namespace", |v| {
        let known =
            v.destination().map(|workload| workload.namespace.as_str()).filter(|text| !text.is_empty());
        Field::text(v.service().map(|(_, namespace)| namespace).or(known)?)
    }),
    ("destination.service.uid", |v| {
        let (name, namespace) = v.service()?;
        Field::text(format!("istio://{namespace}/services/{name}"))
    }),
    ("origin.ip", |v| {
        let forwarded = v.request().and_then(|request| derive::first_forwarded(&request.forwarded_for));
        forwarded.map(Field::Ip).or_else(|| Field::ip(v.common.downstream_remote_address.as_ref()))
    }),
    ("request.headers", |v| text_map(&v.request()?.request_headers)),
    ("request.id", |v| Field::text(v.request()?.request_id.as_str())),
    ("request.host", |v| Field::text(v.request()?.authority.as_str())),
    ("request.method", |v| match RequestMethod::try_from(v.request()?.request_method) {
        Ok(RequestMethod::MethodUnspecified) | Err(_) => None,
        Ok(method) => Field::text(method.as_str_name()),
    }),
    ("request.scheme", |v| Field::text(v.request()?.scheme.as_str())),
    ("request.path", |v| Field::text(path(v.request()?))),
    ("request.url_path", |v| derive::url_path(path(v.request()?))),
    ("request.query_params", |v| derive::query_params(path(v.request()?))),
    ("request.referer", |v| Field::text(v.request()?.referer.as_str())),
    ("request.useragent", |v| Field::text(v.request()?.user_agent.as_str())),
    ("request.size", |v| Field::size(v.request()?.request_body_bytes)),
    ("request.total_size", |v| {
        let request = v.request()?;
        Field::size(request.request_headers_bytes.saturating_add(request.request_body_bytes))
    }),
    ("request.time", |v| Field::timestamp(v.common.start_time.as_ref()?)),
    ("request.api_key", |v| Field::text(v.request()?.request_headers.get("x-api-key")?.as_str())),
    ("request.auth.principal", |v| derive::auth_principal(v.claims?)),
    ("request.auth.audiences", |v| derive::auth_audiences(v.claims?)),
    ("request.auth.presenter", |v| Field::text(derive::struct_text(v.claims?, "azp")?)),
    ("request.auth.claims", |v| derive::auth_claims(v.claims?)),
    ("response.code", |v| Some(Field::Int64(v.response()?.response_code.as_ref()?.value.into()))),
    ("response.duration", |v| v.request().and(Field::duration(v.common.duration.as_ref()?))),
    ("response.headers", |v| text_map(&v.response()?.response_headers)),
    ("response.size", |v| Field::size(v.response()?.response_body_bytes)),
    ("response.total_size", |v| {
        let response = v.response()?;
        Field::size(response.response_headers_bytes.saturating_add(response.response_body_bytes))
    }),
    ("response.time", |v| {
        v.response()?;
        let start = v.common.start_time.as_ref()?;
        let wait = v.common.time_to_last_upstream_rx_byte.as_ref().or(v.common.duration.as_ref())?;
        let start = Timestamp::from_proto(start.seconds, start.nanos)?;
        start.checked_add(Duration::from_proto(wait.seconds, wait.nanos)?).map(Field::Timestamp)
    }),
    ("response.grpc_status", |v| v.trailer("grpc-status")),
    ("response.grpc_message", |v| v.trailer("grpc-message")),
    ("connection.id", |v| v.totals().and(Field::text(v.common.stream_id.as_str()))),
    ("connection.event", |v| v.totals().and(Field::text(connection_event(v.common.access_log_type)))),
    ("connection.received.bytes", |v| Field::size(v.totals()?.1.received_bytes)),
    ("connection.sent.bytes", |v| Field::size(v.totals()?.1.sent_bytes)),
    ("connection.received.bytes_total", |v| Field::size(v.totals()?.0.received_bytes)),
    ("connection.sent.bytes_total", |v| Field::size(v.totals()?.0.sent_bytes)),
    ("connection.duration", |v| v.totals().and(Field::duration(v.common.duration.as_ref()?))),
    ("connection.mtls", |v| {
        Some(Field::Bool(v.tls().is_some_and(|tls| tls.peer_certificate_properties.is_some())))
    }),
    ("connection.requested_server_name", |v| Field::text(v.tls()?.tls_sni_hostname.as_str())),
    ("check.error_code", |v| {
        Field::coerce(
            derive::struct_text(v.check_result()?, "check.error_code")?,
            mixer_attribute::ValueType::Int64,
        )
    }),
    ("check.error_message", |v| Field::text(derive::struct_text(v.check_result()?, "check.error_message")?)),
];

/// The path as the client sent it.
fn path(request: &HttpRequestProperties) -> &str {
    if request.original_path.is_empty() { &request.path } else { &request.original_path }
}
