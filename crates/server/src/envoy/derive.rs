//! What has to be worked out of the text that Envoy sends: identities, hosts, paths, headers, claims.

use std::borrow::Cow;
use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::Metadata;
use envoy_types::pb::google::protobuf::{Struct, value::Kind};

use super::field::Field;

/// A principal without `spiffe://`, as the original's proxies sent it.
pub(super) fn principal(text: &str) -> Option<Field<'_>> {
    Field::text(text.strip_prefix("spiffe://").unwrap_or(text))
}

/// The part behind `/ns/` or `/sa/` of a SPIFFE id such as `cluster.local/ns/default/sa/reviews`.
pub(super) fn identity_part<'a>(principal: &'a str, part: &str) -> Option<&'a str> {
    let mut segments = principal.split('/');
    segments.find(|segment| *segment == part)?;
    segments.next().filter(|segment| !segment.is_empty())
}

/// A host without its port.
pub(super) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// Name and namespace of a Kubernetes service host `name.namespace.svc…`, or of `name.namespace…` when the
/// namespace is the one that is known already.
pub(super) fn service_of<'a>(host: &'a str, known: Option<&str>) -> Option<(&'a str, &'a str)> {
    let mut labels = without_port(host).split('.');
    let (name, namespace) = (labels.next()?, labels.next()?);
    let is_service = labels.next() == Some("svc") || known == Some(namespace);
    (is_service && !name.is_empty() && !namespace.is_empty()).then_some((name, namespace))
}

/// The host of an Istio cluster name `direction|port|subset|host`.
pub(super) fn cluster_host(cluster: &str) -> Option<&str> {
    cluster.split('|').nth(3).filter(|host| !host.is_empty())
}

/// A path without query and fragment.
pub(super) fn url_path(path: &str) -> Option<Field<'_>> {
    Field::text(path.split(['?', '#']).next().unwrap_or_default())
}

/// The query parameters of a path; of a name given twice the last counts.
pub(super) fn query_params(path: &str) -> Option<Field<'_>> {
    let query = path.split_once('?')?.1.split('#').next().unwrap_or_default();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let entries = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decoded(name), percent_decoded(value))
    });
    Field::map(entries.collect())
}

fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let (byte, length) = match bytes.get(index..).unwrap_or_default() {
            [b'%', high, low, ..] => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            [b'+', ..] => (b' ', 1),
            [byte, ..] => (*byte, 1),
            [] => break,
        };
        decoded.push(byte);
        index += length;
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The first address of `x-forwarded-for`.
pub(super) fn first_forwarded(header: &str) -> Option<IpAddr> {
    header.split(',').next()?.trim().parse().ok()
}

/// Whether a content type says gRPC.
pub(super) fn is_grpc(content_type: &str) -> bool {
    content_type.starts_with("application/grpc")
}

/// A text field of a structure.
pub(super) fn struct_text<'a>(fields: &'a Struct, key: &str) -> Option<&'a str> {
    match fields.fields.get(key)?.kind.as_ref()? {
        Kind::StringValue(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// A structure within a structure.
pub(super) fn struct_field<'a>(fields: &'a Struct, key: &str) -> Option<&'a Struct> {
    match fields.fields.get(key)?.kind.as_ref()? {
        Kind::StructValue(inner) => Some(inner),
        _ => None,
    }
}

/// The text fields of a structure.
pub(super) fn struct_texts(fields: &Struct) -> impl Iterator<Item = (&str, &str)> {
    fields.fields.iter().filter_map(|(key, value)| match value.kind.as_ref()? {
        Kind::StringValue(text) => Some((key.as_str(), text.as_str())),
        _ => None,
    })
}

/// The payload of a token that Envoy has verified, from the metadata of its `jwt_authn` filter: under the name
/// that the operator gave it. The token of the `authorization` header is not used: nobody has verified it here.
pub(super) fn verified_claims(metadata: Option<&Metadata>) -> Option<&Struct> {
    let namespace = metadata?.filter_metadata.get("envoy.filters.http.jwt_authn")?;
    let mut names: Vec<&String> = namespace.fields.keys().collect();
    names.sort();
    let mut payloads = names.into_iter().filter_map(|name| struct_field(namespace, name));
    payloads.find(|payload| struct_text(payload, "iss").is_some() || struct_text(payload, "sub").is_some())
}

/// `issuer/subject` of verified claims.
pub(super) fn auth_principal(claims: &Struct) -> Option<Field<'_>> {
    let (issuer, subject) = (struct_text(claims, "iss")?, struct_text(claims, "sub")?);
    Field::text(format!("{issuer}/{subject}"))
}

/// The audiences of verified claims, joined by commas.
pub(super) fn auth_audiences(claims: &Struct) -> Option<Field<'_>> {
    match claims.fields.get("aud")?.kind.as_ref()? {
        Kind::StringValue(text) => Field::text(text.as_str()),
        Kind::ListValue(list) => {
            let texts = list.values.iter().filter_map(|value| match value.kind.as_ref()? {
                Kind::StringValue(text) => Some(text.as_str()),
                _ => None,
            });
            Field::text(texts.collect::<Vec<_>>().join(","))
        }
        _ => None,
    }
}

/// The text claims as a map.
pub(super) fn auth_claims(claims: &Struct) -> Option<Field<'_>> {
    Field::map(struct_texts(claims).map(|(key, value)| (key.into(), value.into())).collect())
}
