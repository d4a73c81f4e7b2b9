//! Configurations that are taken, and those that are refused with all their problems.

use mixer_adapter_sdk::HandlerSpec;
use mixer_adapter_sdk::params::{decode, encode};

use super::Config;
use crate::generated::Params;

fn config(params: &str) -> Result<Config, Vec<String>> {
    let adapter = crate::adapter();
    let bytes = encode(adapter.info(), params).unwrap();
    let spec = HandlerSpec { name: "h".into(), params: bytes.clone(), instances: Vec::new() };
    let params: Params = decode(&bytes).unwrap();
    let shown = |problems: Vec<_>| problems.iter().map(ToString::to_string).collect();
    <Config as mixer_adapter_sdk::Config>::check(params, &spec).map_err(shown)
}

/// Configurations, and what is wrong with each of them.
const CASES: &[(&str, &[&str])] = &[
    ("{}", &[]),
    ("{app_credentials: true, project_id: p, push_interval: 0s, trace: {sample_probability: 1}}", &[]),
    ("{appCredentials: true, projectId: p, meshUid: m, endpoint: 'monitoring.googleapis.com:443'}", &[]),
    ("{api_key: k}", &["api_key: these APIs take no API keys"]),
    ("{push_interval: 4s}", &["push_interval: must be at least 5s"]),
    ("{push_interval: 60s, series_expiry: 59s}", &["series_expiry: must not be less"]),
    ("{max_series: 0}", &["max_series: is 0"]),
    ("{trace: {sample_probability: 1.5}}", &["trace.sample_probability: is 1.5"]),
    ("{replica_label: 'a-b'}", &["replica_label: is no name"]),
    ("{endpoint: 'http://example.com'}", &["endpoint: is not https"; 3]),
    (
        "{endpoint: 'http://127.0.0.1:9', logging_endpoint: 'ftp://x'}",
        &["logging_endpoint: is not an address"],
    ),
    ("{endpoint: 'http://[::1]:9/v'}", &[]),
    ("{metric_info: {a: {value: MONEY, kind: CUMULATIVE}}}", &["metric_info[a].value: is not BOOL"]),
    ("{metric_info: {a: {value: STRING, kind: CUMULATIVE}}}", &["metric_info[a].kind: BOOL and STRING"]),
    ("{metric_info: {a: {value: INT64, kind: DELTA}}}", &["metric_info[a].kind: DELTA is not taken"]),
    ("{metric_info: {a: {kind: DELTA, metric_type: istio.io/service/server/request_count}}}", &[]),
    (
        "{metric_info: {a: {metric_type: 'x y'}, b: {metric_type: 'custom.googleapis.com/'}}}",
        &["metric_info[a].metric_type", "metric_info[b].metric_type"],
    ),
    (
        "{metric_info: {a: {buckets: {linear_buckets: {num_finite_buckets: 0, width: 1}}}}}",
        &["metric_info[a].buckets.linear_buckets: num_finite_buckets"],
    ),
    ("{metric_info: {a: {buckets: {linear_buckets: {num_finite_buckets: 198, width: 1}}}}}", &[]),
    (
        "{metric_info: {a: {buckets: {linear_buckets: {num_finite_buckets: 199, width: 1}}}}}",
        &["more than 200 buckets"],
    ),
    ("{metric_info: {a: {buckets: {linear_buckets: {num_finite_buckets: 1}}}}}", &["width must be"]),
    (
        "{metric_info: {a: {buckets: {exponential_buckets: {num_finite_buckets: 3, growth_factor: 1, scale: 1}}}}}",
        &["growth_factor must be"],
    ),
    (
        "{metric_info: {a: {buckets: {exponential_buckets: {num_finite_buckets: 3, growth_factor: 2}}}}}",
        &["scale must be"],
    ),
    (
        "{metric_info: {a: {buckets: {exponential_buckets: {num_finite_buckets: 190, growth_factor: 1e9, scale: 1}}}}}",
        &["not finite"],
    ),
    ("{metric_info: {a: {buckets: {explicit_buckets: {bounds: []}}}}}", &["at least one number"]),
    ("{metric_info: {a: {buckets: {explicit_buckets: {bounds: [1, 1]}}}}}", &["do not rise"]),
    (
        "{log_info: {a: {payload_template: '{{range .x}}'}}}",
        &["log_info[a].payload_template: `{{range .x}}`"],
    ),
    ("{log_info: {a: {sink_info: {id: s}}}}", &["log_info[a].sink_info: sinks are not made"]),
    (
        "{metric_info: {a: {metric_type: custom.googleapis.com/x}, b: {metric_type: custom.googleapis.com/x, unit: ms}}}",
        &["metric_info[b].metric_type: custom.googleapis.com/x is also"],
    ),
    (
        "{metric_info: {a: {metric_type: custom.googleapis.com/x}, b: {metric_type: custom.googleapis.com/x}}}",
        &[],
    ),
    (
        "{max_queue_items: 0, proxy_url: nowhere, harvest_period: 0s}",
        &["proxy_url", "harvest_period", "max_queue_items"],
    ),
    (
        "{api_key: k, max_series: -1, trace: {sample_probability: -1}}",
        &["max_series", "trace.sample", "api_key"],
    ),
];

#[test]
fn every_problem_is_told() {
    for (params, wanted) in CASES {
        let problems = config(params).err().unwrap_or_default();
        assert_eq!(problems.len(), wanted.len(), "{params}: {problems:?}");
        for (problem, wanted) in problems.iter().zip(*wanted) {
            assert!(problem.contains(wanted), "{params}: {problem}");
        }
    }
}

#[test]
fn endpoints_are_those_of_google_or_the_operator() {
    let urls = |params: &str| {
        let endpoints = config(params).unwrap().endpoints;
        [endpoints.monitoring, endpoints.logging, endpoints.trace].map(|url| url.to_string())
    };
    let google = ["monitoring", "logging", "cloudtrace"].map(|api| format!("https://{api}.googleapis.com/"));
    assert_eq!(urls("{}"), google);
    assert_eq!(urls("{endpoint: 'host:8443'}"), ["https://host:8443/"; 3]);
    let mixed = urls("{endpoint: 'https://a/b', trace_endpoint: 'http://localhost:1'}");
    assert_eq!(mixed, ["https://a/b/", "https://a/b/", "http://localhost:1/"]);
}

#[test]
fn buckets_are_those_of_the_api() {
    let buckets = |definition: &str| {
        let params = format!("{{metric_info: {{a: {{value: DISTRIBUTION, buckets: {definition}}}}}}}");
        config(&params).unwrap().metrics["a"].buckets.clone().unwrap()
    };
    let linear = buckets("{linear_buckets: {num_finite_buckets: 2, width: 5, offset: 1}}");
    assert_eq!(linear.bounds, [1.0, 6.0, 11.0]);
    let exponential = buckets("{exponential_buckets: {num_finite_buckets: 3, growth_factor: 2, scale: 1}}");
    assert_eq!(exponential.bounds, [1.0, 2.0, 4.0, 8.0]);
    let explicit = buckets("{explicit_buckets: {bounds: [-1, 0.5]}}");
    for (value, index) in [(-2.0, 0), (-1.0, 1), (0.4, 1), (0.5, 2), (9.0, 2)] {
        assert_eq!(explicit.index(value), index, "{value}");
    }
}
