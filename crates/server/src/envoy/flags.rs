//! Envoy's response flags as the short codes of its access log format, which is what `context.proxy_error_code`
//! holds.

use envoy_types::pb::envoy::data::accesslog::v3::ResponseFlags;

type Flag = (&'static str, fn(&ResponseFlags) -> bool);

const FLAGS: &[Flag] = &[
    ("LH", |f| f.failed_local_healthcheck),
    ("UH", |f| f.no_healthy_upstream),
    ("UT", |f| f.upstream_request_timeout),
    ("LR", |f| f.local_reset),
    ("UR", |f| f.upstream_remote_reset),
    ("UF", |f| f.upstream_connection_failure),
    ("UC", |f| f.upstream_connection_termination),
    ("UO", |f| f.upstream_overflow),
    ("NR", |f| f.no_route_found),
    ("DI", |f| f.delay_injected),
    ("FI", |f| f.fault_injected),
    ("RL", |f| f.rate_limited),
    ("UAEX", |f| f.unauthorized_details.is_some()),
    ("RLSE", |f| f.rate_limit_service_error),
    ("DC", |f| f.downstream_connection_termination),
    ("URX", |f| f.upstream_retry_limit_exceeded),
    ("SI", |f| f.stream_idle_timeout),
    ("IH", |f| f.invalid_envoy_request_headers),
    ("DPE", |f| f.downstream_protocol_error),
    ("UMSDR", |f| f.upstream_max_stream_duration_reached),
    ("RFCF", |f| f.response_from_cache_filter),
    ("NFCF", |f| f.no_filter_config_found),
    ("DT", |f| f.duration_timeout),
    ("UPE", |f| f.upstream_protocol_error),
    ("NC", |f| f.no_cluster_found),
    ("OM", |f| f.overload_manager),
    ("DF", |f| f.dns_resolution_failure),
    ("DR", |f| f.downstream_remote_reset),
];

/// The codes joined by commas, `-` when no flag is set.
pub(super) fn codes(flags: Option<&ResponseFlags>) -> String {
    let set: Vec<&str> =
        FLAGS.iter().filter(|(_, is_set)| flags.is_some_and(is_set)).map(|(code, _)| *code).collect();
    if set.is_empty() { "-".to_owned() } else { set.join(",") }
}
