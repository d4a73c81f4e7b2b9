//! Attributes of an ext_authz check: the table from attribute name to the place in
//! `envoy.service.auth.v3.AttributeContext`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer};
use envoy_types::pb::google::protobuf::Struct;
use mixer_attribute::Timestamp;

use super::derive;
use super::field::Field;

/// Takes one attribute's value from a check.
pub(super) type Take = for<'v, 'r> fn(&'v CheckView<'r>) -> Option<Field<'v>>;

/// A check, with what several rows need worked out once.
pub(super) struct CheckView<'r> {
    context: &'r AttributeContext,
    http: Option<&'r HttpRequest>,
    headers: Vec<(&'r str, Cow<'r, str>)>,
    claims: Option<&'r Struct>,
    now: Timestamp,
}

impl<'r> CheckView<'r> {
    /// A view of a check that arrived now.
    pub(super) fn new(context: &'r AttributeContext, now: Timestamp) -> Self {
        let http = context.request.as_ref().and_then(|request| request.http.as_ref());
        Self {
            headers: http.map(headers).unwrap_or_default(),
            claims: derive::verified_claims(context.metadata_context.as_ref()),
            context,
            http,
            now,
        }
    }

    /// Attributes that the operator set by name: static context extensions of the route, and text fields of the
    /// metadata namespace `mixer` of the route or the request.
    pub(super) fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        let metadata = [&self.context.metadata_context, &self.context.route_metadata_context];
        let structs =
            metadata.into_iter().flatten().filter_map(|metadata| metadata.filter_metadata.get("mixer"));
        let extensions = self.context.context_extensions.iter();
        structs.flat_map(derive::struct_texts).chain(extensions.map(|(k, v)| (k.as_str(), v.as_str())))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| &**value)
    }

    fn source(&self) -> Option<&Peer> {
        self.context.source.as_ref()
    }

    fn destination(&self) -> Option<&Peer> {
        self.context.destination.as_ref()
    }

    fn source_principal(&self) -> &str {
        self.source().map(|peer| peer.principal.as_str()).unwrap_or_default()
    }

    fn destination_principal(&self) -> &str {
        self.destination().map(|peer| peer.principal.as_str()).unwrap_or_default()
    }

    fn host(&self) -> Option<&str> {
        self.http.map(|http| http.host.as_str()).filter(|host| !host.is_empty())
    }

    fn service(&self) -> Option<(&str, &str)> {
        derive::service_of(self.host()?, derive::identity_part(self.destination_principal(), "ns"))
    }
}

/// Headers as they came, or from the raw form that `encode_raw_headers` sends. There a header can come several times:
/// its values are joined by commas, as they are in the other form.
fn headers(http: &HttpRequest) -> Vec<(&str, Cow<'_, str>)> {
    let plain = http.headers.iter().map(|(key, value)| (key.as_str(), Cow::Borrowed(value.as_str())));
    let mut all: Vec<_> = plain.collect();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for header in http.header_map.iter().flat_map(|map| &map.headers) {
        let raw_value = || String::from_utf8_lossy(&header.raw_value);
        let value = if header.value.is_empty() { raw_value() } else { header.value.as_str().into() };
        match places.entry(&header.key) {
            Entry::Occupied(place) => {
                if let Some((_, joined)) = all.get_mut(*place.get()) {
                    let joined = joined.to_mut();
                    joined.push(',');
                    joined.push_str(&value);
                }
            }
            Entry::Vacant(place) => {
                place.insert(all.len());
                all.push((header.key.as_str(), value));
            }
        }
    }
    all
}

/// The table.
pub(super) const TABLE: &[(&str, Take)] = &[
    ("context.protocol", |v| match v.http {
        Some(_) if v.header("content-type").is_some_and(derive::is_grpc) => Field::text("grpc"),
        Some(_) => Field::text("http"),
        None => Field::text("tcp"),
    }),
    ("context.reporter.kind", |_| Field::text("inbound")),
    ("context.time", |v| Some(Field::Timestamp(v.now))),
    ("context.timestamp", |v| Some(Field::Timestamp(v.now))),
    ("source.ip", |v| Field::ip(v.source()?.address.as_ref())),
    ("source.principal", |v| derive::principal(v.source_principal())),
    ("source.user", |v| derive::principal(v.source_principal())),
    ("source.namespace", |v| Field::text(derive::identity_part(v.source_principal(), "ns")?)),
    ("source.serviceAccount", |v| Field::text(derive::identity_part(v.source_principal(), "sa")?)),
    ("source.labels", |v| labels(v.source()?)),
    ("destination.ip", |v| Field::ip(v.destination()?.address.as_ref())),
    ("destination.port", |v| Field::port(v.destination()?.address.as_ref())),
    ("destination.principal", |v| derive::principal(v.destination_principal())),
    // Never from the host, which the client chooses: it decides whose rules apply.
    ("destination.namespace", |v| Field::text(derive::identity_part(v.destination_principal(), "ns")?)),
    ("destination.serviceAccount", |v| Field::text(derive::identity_part(v.destination_principal(), "sa")?)),
    ("destination.labels", |v| labels(v.destination()?)),
    ("destination.service.host", |v| Field::text(derive::without_port(v.host()?))),
    ("destination.service.name", |v| {
        Field::text(v.service().map(|(name, _)| name).or_else(|| v.host().map(derive::without_port))?)
    }),
    ("destination.service.namespace", |v| Field::text(v.service()?.1)),
    ("origin.ip", |v| derive::first_forwarded(v.header("x-forwarded-for")?).map(Field::Ip)),
    ("request.headers", |v| {
        Field::map(v.headers.iter().map(|(key, value)| ((*key).into(), (&**value).into())).collect())
    }),
    ("request.id", |v| Field::text(v.header("x-request-id")?)),
    ("request.host", |v| Field::text(v.host()?)),
    ("request.method", |v| Field::text(v.http?.method.as_str())),
    ("request.path", |v| Field::text(v.http?.path.as_str())),
    ("request.url_path", |v| derive::url_path(&v.http?.path)),
    ("request.query_params", |v| derive::query_params(&v.http?.path)),
    ("request.scheme", |v| Field::text(v.http?.scheme.as_str())),
    ("request.referer", |v| Field::text(v.header("referer")?)),
    ("request.useragent", |v| Field::text(v.header("user-agent")?)),
    ("request.size", |v| {
        let declared = v.header("content-length").and_then(|length| length.parse().ok());
        Some(Field::Int64(declared.unwrap_or(v.http?.size.max(0))))
    }),
    ("request.time", |v| Field::timestamp(v.context.request.as_ref()?.time.as_ref()?)),
    ("request.api_key", |v| Field::text(v.header("x-api-key")?)),
    ("request.auth.principal", |v| derive::auth_principal(v.claims?)),
    ("request.auth.audiences", |v| derive::auth_audiences(v.claims?)),
    ("request.auth.presenter", |v| Field::text(derive::struct_text(v.claims?, "azp")?)),
    ("request.auth.claims", |v| derive::auth_claims(v.claims?)),
    ("connection.event", |v| v.http.is_none().then(|| Field::text("open"))?),
    ("connection.mtls", |v| {
        let peer = v.source()?;
        Some(Field::Bool(!peer.principal.is_empty() || !peer.certificate.is_empty()))
    }),
    ("connection.requested_server_name", |v| {
        Field::text(v.context.tls_session.as_ref().map(|session| session.sni.as_str())?)
    }),
];

fn labels(peer: &Peer) -> Option<Field<'_>> {
    let entries = peer.labels.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into()));
    Field::map(entries.collect())
}
