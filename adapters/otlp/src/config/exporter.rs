//! Where a signal goes: what the configuration says of the signal, what it says of all, what the environment says of the
//! signal and of all, and the defaults of OpenTelemetry, in this order.

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::{HeaderName, HeaderValue};
use mixer_adapter_sdk::delivery::http::{HttpOptions, Url};
use mixer_adapter_sdk::delivery::otlp::{Protocol, Signal};
use mixer_adapter_sdk::delivery::params::ConnectionParams;
use mixer_adapter_sdk::params::Problems;

use super::environment::{Environment, pairs};
use crate::generated::Params;
use crate::generated::params::{self, Compression, Exporter};

const USER_AGENT: &str = concat!("mixer-otlp-adapter/", env!("CARGO_PKG_VERSION"));
const DEFAULT_TIMEOUT: prost_types::Duration = prost_types::Duration { seconds: 10, nanos: 0 };

/// Where the value of a header is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HeaderSource {
    Value(HeaderValue),
    File(PathBuf),
}

/// Where a signal goes.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) url: Url,
    pub(crate) protocol: Protocol,
    pub(crate) gzip: bool,
    pub(crate) headers: Vec<(HeaderName, HeaderSource)>,
    pub(crate) options: HttpOptions,
}

/// The part of a variable's name.
fn variable_of(signal: Signal) -> &'static str {
    match signal {
        Signal::Metrics => "METRICS_",
        Signal::Logs => "LOGS_",
        Signal::Traces => "TRACES_",
    }
}

fn field_of(signal: Signal) -> &'static str {
    match signal {
        Signal::Metrics => "metrics_exporter",
        Signal::Logs => "logs_exporter",
        Signal::Traces => "traces_exporter",
    }
}

/// Where to look for what a signal needs.
struct Layers<'a> {
    signal: Signal,
    own: &'a Exporter,
    general: &'a Exporter,
    environment: &'a Environment,
}

/// A value and where it came from: `metrics_exporter.`, or the name of a variable after `exporter.`.
struct Found<'a> {
    value: &'a str,
    /// For problems.
    place: String,
    /// It is the signal's alone.
    is_own: bool,
    from_environment: bool,
}

impl<'a> Layers<'a> {
    fn find(&self, field: &str, of: impl Fn(&'a Exporter) -> &'a str, variable: &str) -> Option<Found<'a>> {
        let written = |exporter: &'a Exporter, prefix: &str, is_own| {
            let (value, place) = (of(exporter), format!("{prefix}.{field}"));
            (!value.is_empty()).then_some(Found { value, place, is_own, from_environment: false })
        };
        let set = |part: &str, is_own| {
            let variable = format!("OTEL_EXPORTER_OTLP_{part}{variable}");
            let value = self.environment.get(&variable)?;
            Some(Found {
                value,
                place: format!("exporter.{field} ({variable})"),
                is_own,
                from_environment: true,
            })
        };
        written(self.own, field_of(self.signal), true)
            .or_else(|| written(self.general, "exporter", false))
            .or_else(|| set(variable_of(self.signal), true))
            .or_else(|| set("", false))
    }
}

/// Where a signal goes. None when its URL is none, which is told.
pub(super) fn destination(
    signal: Signal,
    params: &Params,
    environment: &Environment,
    problems: &mut Problems,
) -> Option<Destination> {
    let none = Exporter::default();
    let own = match signal {
        Signal::Metrics => &params.metrics_exporter,
        Signal::Logs => &params.logs_exporter,
        Signal::Traces => &params.traces_exporter,
    };
    let layers = Layers {
        signal,
        own: own.as_ref().unwrap_or(&none),
        general: params.exporter.as_ref().unwrap_or(&none),
        environment,
    };
    let protocol = protocol(&layers, problems);
    let url = url(&layers, protocol, problems);
    let gzip = gzip(&layers, problems);
    let headers = headers(&layers, problems);
    let options = options(&layers, problems);
    Some(Destination { url: url?, protocol, gzip, headers, options })
}

fn protocol(layers: &Layers<'_>, problems: &mut Problems) -> Protocol {
    for (exporter, field) in [(layers.own, field_of(layers.signal)), (layers.general, "exporter")] {
        match params::Protocol::try_from(exporter.protocol) {
            Ok(params::Protocol::Default) => {}
            Ok(params::Protocol::Grpc) => return Protocol::Grpc,
            Ok(params::Protocol::HttpProtobuf) => return Protocol::HttpProtobuf,
            Ok(params::Protocol::HttpJson) => return Protocol::HttpJson,
            Err(_) => problems.add(format!("{field}.protocol"), "is not GRPC, HTTP_PROTOBUF or HTTP_JSON"),
        }
    }
    let Some(found) = layers.find("protocol", |_| "", "PROTOCOL") else { return Protocol::HttpProtobuf };
    match found.value {
        "grpc" => Protocol::Grpc,
        "http/protobuf" => Protocol::HttpProtobuf,
        "http/json" => Protocol::HttpJson,
        other => {
            problems.add(found.place, format!("is {other:?}; must be grpc, http/protobuf or http/json"));
            Protocol::HttpProtobuf
        }
    }
}

fn gzip(layers: &Layers<'_>, problems: &mut Problems) -> bool {
    for (exporter, field) in [(layers.own, field_of(layers.signal)), (layers.general, "exporter")] {
        match Compression::try_from(exporter.compression) {
            Ok(Compression::Default) => {}
            Ok(Compression::Gzip) => return true,
            Ok(Compression::None) => return false,
            Err(_) => problems.add(format!("{field}.compression"), "is not GZIP or NONE"),
        }
    }
    match layers.find("compression", |_| "", "COMPRESSION") {
        None => true,
        Some(found) if found.value == "gzip" => true,
        Some(found) if found.value == "none" => false,
        Some(found) => {
            problems.add(found.place, format!("is {:?}; must be gzip or none", found.value));
            true
        }
    }
}

fn url(layers: &Layers<'_>, protocol: Protocol, problems: &mut Problems) -> Option<Url> {
    let found = layers.find("endpoint", |exporter| &exporter.endpoint, "ENDPOINT");
    let default = if protocol == Protocol::Grpc { "http://localhost:4317" } else { "http://localhost:4318" };
    let mut text = found.as_ref().map_or(default, |found| found.value).to_owned();
    // In the environment an endpoint of gRPC may stand without its scheme.
    if protocol == Protocol::Grpc
        && found.as_ref().is_some_and(|found| found.from_environment)
        && !text.contains("://")
    {
        let insecure = layers.find("endpoint", |_| "", "INSECURE");
        let is_insecure = insecure.is_some_and(|found| found.value.eq_ignore_ascii_case("true"));
        text = format!("{}://{text}", if is_insecure { "http" } else { "https" });
    }
    let is_whole = protocol == Protocol::Grpc || found.as_ref().is_some_and(|found| found.is_own);
    if !is_whole {
        text = format!("{}{}", text.trim_end_matches('/'), layers.signal.path());
    }
    match text.parse::<Url>() {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => return Some(url),
        Ok(_) | Err(_) => {
            let place = found.map_or_else(|| "exporter.endpoint".to_owned(), |found| found.place);
            problems.add(place, format!("is not a URL; write it as {default}"));
        }
    }
    None
}

fn options(layers: &Layers<'_>, problems: &mut Problems) -> HttpOptions {
    let Layers { signal, own, general, environment } = layers;
    let text = |field: &str, of: fn(&Exporter) -> &str, variable: &str| {
        let found = layers.find(field, of, variable);
        found.map_or_else(String::new, |found| found.value.to_owned())
    };
    let ca_file = text("ca_file", |exporter| &exporter.ca_file, "CERTIFICATE");
    let certificate =
        text("client_certificate_file", |exporter| &exporter.client_certificate_file, "CLIENT_CERTIFICATE");
    let key = text("client_key_file", |exporter| &exporter.client_key_file, "CLIENT_KEY");
    // No such variable is there in OpenTelemetry: a proxy is the process's.
    let proxy = if own.proxy_url.is_empty() { &general.proxy_url } else { &own.proxy_url };
    let millis = |part: &str, problems: &mut Problems| {
        let variable = format!("OTEL_EXPORTER_OTLP_{part}TIMEOUT");
        environment.millis(&variable, "exporter.request_timeout", problems)
    };
    let written = own.request_timeout.or(general.request_timeout);
    let timeout = written.unwrap_or_else(|| {
        let set = millis(variable_of(*signal), problems).or_else(|| millis("", problems));
        set.and_then(|time| time.try_into().ok()).unwrap_or(DEFAULT_TIMEOUT)
    });
    let is_own = |present: bool| if present { field_of(*signal) } else { "exporter" };
    let prefix = is_own(
        own.request_timeout.is_some()
            || own.connect_timeout.is_some()
            || !own.proxy_url.is_empty()
            || !own.client_certificate_file.is_empty()
            || !own.client_key_file.is_empty(),
    );
    let fields = ConnectionParams {
        ca_file: &ca_file,
        client_certificate_file: &certificate,
        client_key_file: &key,
        proxy_url: proxy,
        request_timeout: Some(&timeout),
        connect_timeout: own.connect_timeout.as_ref().or(general.connect_timeout.as_ref()),
    };
    fields.check(&format!("{prefix}."), USER_AGENT, problems)
}

/// Later layers replace headers of the same name.
fn headers(layers: &Layers<'_>, problems: &mut Problems) -> Vec<(HeaderName, HeaderSource)> {
    let mut all = BTreeMap::new();
    let variable = |part: &str| format!("OTEL_EXPORTER_OTLP_{part}HEADERS");
    // As OpenTelemetry has it, the headers of a signal replace those of all.
    let names = [variable(variable_of(layers.signal)), variable("")];
    if let Some((name, text)) = names.iter().find_map(|name| Some((name, layers.environment.get(name)?))) {
        let place = format!("exporter.headers ({name})");
        match pairs(text) {
            Ok(pairs) => {
                for (header, value) in pairs {
                    add_value(&place, &header, &value, (&mut all, problems));
                }
            }
            Err(error) => problems.add(place, error),
        }
    }
    for (exporter, field) in [(layers.general, "exporter"), (layers.own, field_of(layers.signal))] {
        for (header, value) in &exporter.headers {
            add_value(&format!("{field}.headers[{header}]"), header, value, (&mut all, problems));
        }
        for (header, file) in &exporter.header_files {
            let place = format!("{field}.header_files[{header}]");
            if file.is_empty() {
                problems.add(&place, "names no file");
            }
            if let Some(name) = header_name(&place, header, problems) {
                all.insert(name.to_string(), (name, HeaderSource::File(PathBuf::from(file))));
            }
        }
    }
    all.into_values().collect()
}

type Headers = BTreeMap<String, (HeaderName, HeaderSource)>;

fn add_value(place: &str, header: &str, value: &str, (all, problems): (&mut Headers, &mut Problems)) {
    let Some(name) = header_name(place, header, problems) else { return };
    match HeaderValue::from_str(value) {
        Ok(mut value) => {
            value.set_sensitive(true);
            all.insert(name.to_string(), (name, HeaderSource::Value(value)));
        }
        // The text may be a secret and is not repeated.
        Err(_) => problems.add(place, "has a value that no header may have"),
    }
}

fn header_name(place: &str, header: &str, problems: &mut Problems) -> Option<HeaderName> {
    let Ok(name) = header.parse::<HeaderName>() else {
        problems.add(place, format!("{header:?} is no name of a header"));
        return None;
    };
    let ours = ["content-type", "content-encoding", "content-length", "host", "te", "transfer-encoding"];
    if ours.contains(&name.as_str()) || name.as_str().starts_with("grpc-") {
        problems.add(place, "is a header that the adapter sets itself");
        return None;
    }
    Some(name)
}
