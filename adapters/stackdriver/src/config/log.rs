//! One entry of `log_info`: labels, payload and HTTP request of a log.

use mixer_adapter_sdk::params::Problems;

use crate::generated::params::LogInfo;
use crate::template::Template;

/// The longest id of a log.
const MAX_LOG_ID: usize = 512;
/// The most labels of an entry.
const MAX_LABELS: usize = 64;

/// A log of Cloud Logging.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Log {
    /// Name of the log, as it stands in a URL.
    pub(crate) log_id: String,
    /// Variables that become labels.
    pub(crate) label_names: Vec<String>,
    /// Text of the entry; none for a structured payload.
    pub(crate) payload: Option<Template>,
    pub(crate) http: Option<HttpMapping>,
    pub(crate) trace_variable: Option<String>,
    pub(crate) span_variable: Option<String>,
}

/// Which variables are parts of an HTTP request; empty names are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HttpMapping {
    pub(crate) status: String,
    pub(crate) request_size: String,
    pub(crate) response_size: String,
    pub(crate) latency: String,
    pub(crate) local_ip: String,
    pub(crate) remote_ip: String,
    pub(crate) url: String,
    pub(crate) method: String,
    pub(crate) user_agent: String,
    pub(crate) referer: String,
}

impl HttpMapping {
    /// Whether a variable is part of the request.
    pub(crate) fn has(&self, variable: &str) -> bool {
        let all = [
            &self.status,
            &self.request_size,
            &self.response_size,
            &self.latency,
            &self.local_ip,
            &self.remote_ip,
            &self.url,
            &self.method,
            &self.user_agent,
            &self.referer,
        ];
        all.iter().any(|name| *name == variable)
    }
}

pub(super) fn check(instance: &str, info: &LogInfo, problems: &mut Problems) -> Option<Log> {
    let before = problems.len();
    let field = |name: &str| format!("log_info[{instance}].{name}");
    let id = if info.log_id.is_empty() { instance } else { &info.log_id };
    let log_id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    if log_id.is_empty() || log_id.len() > MAX_LOG_ID {
        problems.add(field("log_id"), format!("must have 1 to {MAX_LOG_ID} characters"));
    }
    if info.label_names.len() > MAX_LABELS {
        problems.add(field("label_names"), format!("an entry takes at most {MAX_LABELS} labels"));
    }
    let payload = match info.payload_template.as_str() {
        "" => None,
        text => match Template::parse(text) {
            Ok(template) => Some(template),
            Err(error) => {
                problems.add(field("payload_template"), error.to_string());
                None
            }
        },
    };
    if info.sink_info.is_some() {
        problems.add(
            field("sink_info"),
            "sinks are not made by this adapter, which would need rights over all logs of the project; make it with `gcloud logging sinks create` and take the field out",
        );
    }
    let http = info.http_mapping.clone().map(|mapping| HttpMapping {
        status: mapping.status,
        request_size: mapping.request_size,
        response_size: mapping.response_size,
        latency: mapping.latency,
        local_ip: mapping.local_ip,
        remote_ip: mapping.remote_ip,
        url: mapping.url,
        method: mapping.method,
        user_agent: mapping.user_agent,
        referer: mapping.referer,
    });
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let log = Log {
        log_id,
        label_names: info.label_names.clone(),
        payload,
        http,
        trace_variable: some(&info.trace_variable),
        span_variable: some(&info.span_variable),
    };
    (problems.len() == before).then_some(log)
}
