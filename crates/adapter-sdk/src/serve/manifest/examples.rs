//! Instances of the shipped templates, over attributes that every proxy sends.

/// The `params` of an instance as YAML; empty when the template has no fields or is not shipped.
pub(super) fn params(template: &str) -> &'static str {
    match template {
        "apikey" => API_KEY,
        "authorization" => AUTHORIZATION,
        "edge" => EDGE,
        "kubernetes" => KUBERNETES,
        "listentry" => LIST_ENTRY,
        "logentry" => LOG_ENTRY,
        "metric" => METRIC,
        "quota" => QUOTA,
        "tracespan" => TRACE_SPAN,
        _ => "",
    }
}

const API_KEY: &str = r#"api: api.service | ""
api_version: api.version | ""
api_operation: api.operation | ""
api_key: request.api_key | request.headers["x-api-key"] | ""
timestamp: request.time
"#;

const AUTHORIZATION: &str = r#"subject:
  user: source.principal | ""
  properties:
    source_namespace: source.namespace | "unknown"
action:
  namespace: destination.namespace | "unknown"
  service: destination.service.host | "unknown"
  method: request.method | ""
  path: request.path | ""
"#;

const EDGE: &str = r#"timestamp: request.time
source_workload_namespace: source.workload.namespace | "unknown"
source_workload_name: source.workload.name | "unknown"
source_uid: source.uid | "unknown"
destination_workload_namespace: destination.workload.namespace | "unknown"
destination_workload_name: destination.workload.name | "unknown"
destination_uid: destination.uid | "unknown"
destination_service_name: destination.service.name | "unknown"
context_protocol: context.protocol | "unknown"
api_protocol: api.protocol | "unknown"
"#;

const KUBERNETES: &str = r#"source_uid: source.uid | ""
source_ip: source.ip | ip("0.0.0.0")
destination_uid: destination.uid | ""
destination_port: destination.port | 0
"#;

const LIST_ENTRY: &str = r#"value: source.namespace | "unknown"
"#;

const LOG_ENTRY: &str = r#"severity: '"info"'
timestamp: request.time
variables:
  source: source.workload.name | "unknown"
  destination: destination.service.host | "unknown"
  method: request.method | ""
  path: request.path | ""
  response_code: response.code | 0
  latency: response.duration | "0ms"
"#;

const METRIC: &str = r#"value: request.size | 0
dimensions:
  source: source.workload.name | "unknown"
  destination: destination.service.host | "unknown"
  response_code: response.code | 0
"#;

const QUOTA: &str = r#"dimensions:
  source: source.principal | "unknown"
  destination: destination.service.host | "unknown"
"#;

const TRACE_SPAN: &str = r#"trace_id: request.headers["x-b3-traceid"] | ""
span_id: request.headers["x-b3-spanid"] | ""
parent_span_id: request.headers["x-b3-parentspanid"] | ""
span_name: destination.service.host | "unknown"
start_time: request.time
end_time: response.time
span_tags:
  http.method: request.method | ""
  http.path: request.path | ""
httpStatusCode: response.code | 0
client_span: context.reporter.kind == "outbound"
source_name: source.workload.name | "unknown"
destination_name: destination.workload.name | "unknown"
request_size: request.size | 0
response_size: response.size | 0
"#;
