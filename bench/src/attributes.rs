//! The requests that are described: what a sidecar of the service `ratings` says about its inbound traffic. The
//! destination is always the same; sources, sizes, codes and durations change from request to request.

use std::borrow::Cow;

use mixer_attribute::{Duration, MapView, Value, ValueType};

/// Attributes of one request, by name.
pub(crate) type Attributes = Vec<(&'static str, Value<'static>)>;

/// What the list of the check workload allows.
pub(crate) const VERSIONS: [&str; 3] = ["v1", "v2", "v3"];

/// The names and types of everything that the functions below use.
pub(crate) const MANIFEST: [(&str, ValueType); 26] = [
    ("context.protocol", ValueType::String),
    ("context.reporter.kind", ValueType::String),
    ("context.proxy_error_code", ValueType::String),
    ("connection.mtls", ValueType::Bool),
    ("source.namespace", ValueType::String),
    ("source.principal", ValueType::String),
    ("source.workload.name", ValueType::String),
    ("source.workload.namespace", ValueType::String),
    ("source.labels", ValueType::StringMap),
    ("destination.namespace", ValueType::String),
    ("destination.principal", ValueType::String),
    ("destination.workload.name", ValueType::String),
    ("destination.workload.namespace", ValueType::String),
    ("destination.labels", ValueType::StringMap),
    ("destination.service.host", ValueType::String),
    ("destination.service.name", ValueType::String),
    ("destination.service.namespace", ValueType::String),
    ("request.host", ValueType::String),
    ("request.method", ValueType::String),
    ("request.useragent", ValueType::String),
    ("request.size", ValueType::Int64),
    ("request.path", ValueType::String),
    ("request.headers", ValueType::StringMap),
    ("response.code", ValueType::Int64),
    ("response.size", ValueType::Int64),
    ("response.duration", ValueType::Duration),
];

/// The request of a number: the same number is always the same request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestNumber(pub(crate) u64);

impl RequestNumber {
    /// The 24 attributes that are known when the request has been answered. `sources` is how many workloads call
    /// the service; together with the response codes they decide how many series there are.
    pub(crate) fn report(self, sources: u64) -> Attributes {
        let mut attributes = self.common(self.pick(1, sources));
        let code = match self.pick(2, 20) {
            0 => 503,
            1 | 2 => 404,
            _ => 200,
        };
        let micros = 800 + self.pick(3, 90_000);
        attributes.extend([
            ("context.proxy_error_code", text(if code == 503 { "UF" } else { "-" })),
            ("response.code", Value::Int64(code)),
            ("response.size", Value::Int64(self.below(4, 20_000))),
            ("response.duration", Value::Duration(Duration::from_nanos(micros.cast_signed() * 1_000))),
        ]);
        attributes
    }

    /// Like [`Self::report`], with the number itself as that of the source and one response code, so that every
    /// number below `sources` has series of its own.
    pub(crate) fn report_of_its_own_source(self, sources: u64) -> Attributes {
        let mut attributes = self.report(1);
        replace(&mut attributes, "source.workload.name", owned(format!("client-{:05}", self.0 % sources)));
        replace(&mut attributes, "response.code", Value::Int64(200));
        attributes
    }

    /// The 22 attributes that are known before the request goes on.
    pub(crate) fn check(self) -> Attributes {
        let mut attributes = self.common(self.pick(1, 6));
        let path = format!("/ratings/{}", self.pick(5, 1_000));
        let headers = [
            (":authority", "ratings.bookinfo.svc.cluster.local:9080".to_owned()),
            (":method", "GET".to_owned()),
            (":path", path.clone()),
            ("user-agent", "reviews/1.8".to_owned()),
            ("x-request-id", format!("{:016x}-{:016x}", self.pick(6, u64::MAX), self.pick(7, u64::MAX))),
        ];
        let headers = headers.map(|(name, value)| (name.as_bytes().to_vec(), value.into_bytes()));
        attributes.extend([
            ("request.path", owned(path)),
            ("request.headers", Value::StringMap(MapView::owned(headers.to_vec()))),
        ]);
        attributes
    }

    /// Like [`Self::check`], for a service of the given host name.
    pub(crate) fn check_of_host(self, host: String) -> Attributes {
        let mut attributes = self.check();
        replace(&mut attributes, "destination.service.host", owned(host));
        attributes
    }

    fn common(self, source: u64) -> Attributes {
        let version = VERSIONS.get(source as usize % VERSIONS.len()).copied().unwrap_or_default();
        let client = format!("client-{source}");
        vec![
            ("context.protocol", text("http")),
            ("context.reporter.kind", text("inbound")),
            ("connection.mtls", Value::Bool(true)),
            ("source.namespace", text("bookinfo")),
            ("source.principal", owned(format!("spiffe://cluster.local/ns/bookinfo/sa/{client}"))),
            ("source.workload.name", owned(format!("{client}-{version}"))),
            ("source.workload.namespace", text("bookinfo")),
            ("source.labels", map([("app", client), ("version", version.to_owned())])),
            ("destination.namespace", text("bookinfo")),
            ("destination.principal", text("spiffe://cluster.local/ns/bookinfo/sa/ratings")),
            ("destination.workload.name", text("ratings-v1")),
            ("destination.workload.namespace", text("bookinfo")),
            ("destination.labels", map([("app", "ratings".to_owned()), ("version", "v1".to_owned())])),
            ("destination.service.host", text("ratings.bookinfo.svc.cluster.local")),
            ("destination.service.name", text("ratings")),
            ("destination.service.namespace", text("bookinfo")),
            ("request.host", text("ratings.bookinfo.svc.cluster.local:9080")),
            ("request.method", text("GET")),
            ("request.useragent", text("reviews/1.8")),
            ("request.size", Value::Int64(self.below(8, 2_000))),
        ]
    }

    /// A number below `limit` that looks random, another one for each `salt` (splitmix64).
    fn pick(self, salt: u64, limit: u64) -> u64 {
        let mut z = self.0.wrapping_add(salt << 48).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit.max(1)
    }

    fn below(self, salt: u64, limit: u64) -> i64 {
        self.pick(salt, limit).cast_signed()
    }
}

fn text(text: &'static str) -> Value<'static> {
    Value::text(text)
}

fn owned(text: String) -> Value<'static> {
    Value::Text(Cow::Owned(text.into_bytes()))
}

fn map(entries: [(&str, String); 2]) -> Value<'static> {
    let entries = entries.map(|(key, value)| (key.as_bytes().to_vec(), value.into_bytes()));
    Value::StringMap(MapView::owned(entries.to_vec()))
}

fn replace(attributes: &mut Attributes, name: &str, value: Value<'static>) {
    if let Some(attribute) = attributes.iter_mut().find(|(n, _)| *n == name) {
        attribute.1 = value;
    }
}
