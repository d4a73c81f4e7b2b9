//! Which configurations are refused, and that every problem of one is told.

use mixer_adapter_sdk::Adapter as _;

use super::support::*;

fn check(params: &Params, expected: &[(&str, &str)]) {
    let problems = adapter().validate(&spec("h", params));
    let found: Vec<_> =
        problems.iter().map(|problem| (problem.field.as_str(), problem.message.as_str())).collect();
    assert_eq!(found, expected);
}

fn check_metric(metric: MetricInfo, expected: &[(&str, &str)]) {
    check(&params(&[metric]), expected);
}

fn with_buckets(definition: buckets_definition::Definition) -> MetricInfo {
    let buckets = Some(BucketsDefinition { definition: Some(definition) });
    MetricInfo { buckets, ..metric("m", Kind::Distribution, &[]) }
}

#[test]
fn a_configuration_may_be_empty() {
    check(&Params::default(), &[]);
    check(&params(&[metric("m", Kind::Counter, &["a", "b"])]), &[]);
}

#[test]
fn all_problems_are_told_at_once() {
    let params = Params {
        metrics: vec![
            MetricInfo::default(),
            metric("fine", Kind::Gauge, &["a"]),
            metric("1 bad-name!", Kind::Counter, &["ok", "a b", "ü", "1a", "__name", "ok", ""]),
        ],
        metrics_expiration_policy: Some(MetricsExpirationPolicy {
            metrics_expiry_duration: None,
            expiry_check_interval_duration: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
        }),
        max_series_per_metric: Some(0),
        ..Default::default()
    };
    let missing =
        "is missing; give the full name of a metric instance, such as requestcount.instance.istio-system";
    check(
        &params,
        &[
            ("metrics[0].instance_name", missing),
            ("metrics[0].kind", "is not GAUGE, COUNTER or DISTRIBUTION"),
            ("metrics[2].name", "makes \"t_1_badname!\", which is no name of a metric"),
            ("metrics[2].label_names[2]", "\"ü\" is no name of a label; use letters, digits and _"),
            ("metrics[2].label_names[3]", "\"1a\" is no name of a label; use letters, digits and _"),
            (
                "metrics[2].label_names[4]",
                "\"__name\" is reserved: names that begin with __ belong to Prometheus",
            ),
            ("metrics[2].label_names[5]", "\"ok\" is there twice"),
            ("metrics[2].label_names[6]", "\"\" is no name of a label; use letters, digits and _"),
            ("metrics_expiration_policy.metrics_expiry_duration", "must be more than 0"),
            ("metrics_expiration_policy.expiry_check_interval_duration", "must not be negative"),
            ("max_series_per_metric", "is 0; must be at least 1"),
        ],
    );
}

#[test]
fn labels_that_are_the_same_when_cleaned_are_the_same() {
    check_metric(
        metric("m", Kind::Counter, &["a.b", "a_b"]),
        &[("metrics[0].label_names[1]", "\"a_b\" is there twice")],
    );
}

#[test]
fn le_belongs_to_histograms() {
    check_metric(metric("m", Kind::Counter, &["le"]), &[]);
    check_metric(
        metric("m", Kind::Distribution, &["le"]),
        &[("metrics[0].label_names[0]", "\"le\" is reserved for the buckets of a DISTRIBUTION")],
    );
}

#[test]
fn buckets_rise_and_are_finite() {
    use buckets_definition::Definition::*;
    use buckets_definition::{Explicit, Exponential, Linear};

    let linear = |num_finite_buckets, width, offset| {
        with_buckets(LinearBuckets(Linear { num_finite_buckets, width, offset }))
    };
    let exponential = |num_finite_buckets, growth_factor, scale| {
        with_buckets(ExponentialBuckets(Exponential { num_finite_buckets, growth_factor, scale }))
    };
    let explicit = |bounds: &[f64]| with_buckets(ExplicitBuckets(Explicit { bounds: bounds.to_vec() }));
    check_metric(linear(1, 0.5, -3.0), &[]);
    check_metric(exponential(8, 10.0, 1.0), &[]);
    check_metric(explicit(&[-1.0, 0.0, 2.5]), &[]);
    check_metric(explicit(&[1.0, f64::INFINITY]), &[]);

    let count = "metrics[0].buckets.linear_buckets.num_finite_buckets";
    check_metric(linear(0, 1.0, 0.0), &[(count, "is 0; must be 1 to 499")]);
    check_metric(linear(500, 1.0, 0.0), &[(count, "is 500; must be 1 to 499")]);
    let width = "metrics[0].buckets.linear_buckets.width";
    check_metric(linear(2, 0.0, 0.0), &[(width, "must be more than 0")]);
    check_metric(linear(2, f64::NAN, 0.0), &[(width, "must be more than 0")]);
    let rising = "must be finite numbers, each larger than the one before";
    check_metric(linear(2, 1.0, 1e300), &[("metrics[0].buckets.linear_buckets", rising)]);
    let growth = "metrics[0].buckets.exponential_buckets.growth_factor";
    check_metric(exponential(2, 1.0, 1.0), &[(growth, "must be more than 1")]);
    let scale = "metrics[0].buckets.exponential_buckets.scale";
    check_metric(exponential(2, 2.0, 0.0), &[(scale, "must be more than 0")]);
    check_metric(exponential(499, 1e9, 1.0), &[("metrics[0].buckets.exponential_buckets", rising)]);
    let bounds = "metrics[0].buckets.explicit_buckets.bounds";
    for wrong in [&[1.0, 1.0][..], &[2.0, 1.0], &[f64::NAN], &[f64::NEG_INFINITY, 1.0]] {
        check_metric(explicit(wrong), &[(bounds, rising)]);
    }
    check_metric(explicit(&vec![0.0; 501]), &[(bounds, "has more than 500 entries")]);
}

#[test]
fn two_metrics_may_not_share_a_name() {
    let other_instance = |metric| MetricInfo { instance_name: "other.instance.ns".into(), ..metric };
    check(
        &params(&[
            metric("m", Kind::Counter, &["a", "b"]),
            other_instance(metric("m", Kind::Counter, &["b", "a"])),
        ]),
        &[],
    );
    check(
        &params(&[metric("m", Kind::Counter, &["a"]), other_instance(metric("m", Kind::Gauge, &["a"]))]),
        &[("metrics[1].name", "t_m is defined as a GAUGE by [a], but also as a COUNTER by [a]")],
    );
    let sum = metric("m_sum", Kind::Counter, &[]);
    let histogram = MetricInfo { buckets: explicit(&[1.0]), ..metric("m", Kind::Distribution, &[]) };
    check(
        &params(&[sum, histogram]),
        &[(
            "metrics[1].name",
            "t_m (a DISTRIBUTION [1.0] by []) and t_m_sum (a COUNTER by []) have samples of the same name",
        )],
    );
}

#[test]
fn native_histograms_and_exemplars_have_their_own_kinds() {
    let native =
        |native| MetricInfo { native_histogram: Some(native), ..metric("m", Kind::Distribution, &["a"]) };
    check_metric(native(NativeHistogram::default()), &[]);
    let none_classic = NativeHistogram { classic_buckets: Some(false), ..Default::default() };
    check_metric(native(none_classic), &[]);
    check_metric(
        MetricInfo { buckets: explicit(&[1.0]), ..native(none_classic) },
        &[("metrics[0].native_histogram.classic_buckets", "is false, but there are `buckets`")],
    );
    check_metric(
        native(NativeHistogram {
            bucket_factor: Some(1.0),
            max_buckets: Some(3),
            zero_threshold: Some(0.0),
            classic_buckets: None,
        }),
        &[
            ("metrics[0].native_histogram.bucket_factor", "is 1; must be more than 1"),
            ("metrics[0].native_histogram.zero_threshold", "is 0; must be more than 0"),
            ("metrics[0].native_histogram.max_buckets", "is 3; must be at least 4"),
        ],
    );
    check_metric(
        MetricInfo { kind: Kind::Counter.into(), ..native(NativeHistogram::default()) },
        &[("metrics[0].native_histogram", "is only for a DISTRIBUTION")],
    );
    check_metric(
        with_exemplars(metric("m", Kind::Gauge, &["a"]), &["trace_id"]),
        &[(
            "metrics[0].exemplar_labels",
            "is not for a GAUGE; only a COUNTER and a DISTRIBUTION have exemplars",
        )],
    );
    check_metric(
        with_exemplars(metric("m", Kind::Counter, &["a"]), &["trace_id", "a", "trace_id", "1"]),
        &[
            ("metrics[0].exemplar_labels[1]", "\"a\" is one of the label_names too"),
            ("metrics[0].exemplar_labels[2]", "\"trace_id\" is there twice"),
            ("metrics[0].exemplar_labels[3]", "\"1\" is no name of a label; use letters, digits and _"),
        ],
    );
}

fn check_remote_write(remote_write: RemoteWrite, expected: &[(&str, &str)]) {
    check(&Params { remote_write: vec![remote_write], ..Default::default() }, expected);
}

#[test]
fn remote_write_is_checked_as_a_whole() {
    let fine = || send_to("https://host/api/v1/write");
    check_remote_write(fine(), &[]);
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let one = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into();
    check_remote_write(
        RemoteWrite { url: "host/x".into(), ..fine() },
        &[("remote_write[0].url", "is not a URL; write it as https://host/api/v1/write")],
    );
    check_remote_write(
        RemoteWrite { url: "http://u:p@host/x".into(), ..fine() },
        &[(
            "remote_write[0].url",
            "holds a user or a password; use basic_auth, which keeps the password in a file",
        )],
    );
    check_remote_write(
        RemoteWrite {
            protocol: 9,
            send_period: seconds(0),
            external_labels: one("replica", "x"),
            replica_label: None,
            basic_auth: Some(BasicAuth { username: "a:b".into(), ..Default::default() }),
            bearer_token_file: "/token".into(),
            headers: one("Content-Type", "x"),
            header_files: one("Authorization", "/file"),
            client_key_file: "/key".into(),
            max_series_per_request: Some(0),
            ..fine()
        },
        &[
            (
                "remote_write[0].external_labels[replica]",
                "is the replica_label too; give one of them another name",
            ),
            ("remote_write[0].protocol", "is not AUTO, V1 or V2"),
            ("remote_write[0].send_period", "must be at least 1s"),
            ("remote_write[0].max_series_per_request", "is 0; must be at least 1"),
            ("remote_write[0].bearer_token_file", "is there beside basic_auth; use one of them"),
            ("remote_write[0].basic_auth.username", "is empty or holds a colon"),
            ("remote_write[0].basic_auth.password_file", "is missing"),
            ("remote_write[0].headers[Content-Type]", "is a header that belongs to remote write"),
            (
                "remote_write[0].header_files[Authorization]",
                "is there beside basic_auth or bearer_token_file; use one of them",
            ),
            ("remote_write[0].client_certificate_file", "is missing beside client_key_file"),
        ],
    );
    check(
        &Params { remote_write: vec![fine(), fine()], ..Default::default() },
        &[(
            "remote_write[1].url",
            "is there twice with the same external_labels: both would write the same series",
        )],
    );
    let other = RemoteWrite { external_labels: one("region", "eu"), ..fine() };
    check(&Params { remote_write: vec![fine(), other], ..Default::default() }, &[]);
}

#[test]
fn metrics_have_to_go_somewhere() {
    check(
        &Params { scrape: Some(false), ..Default::default() },
        &[("scrape", "is false and there is no `remote_write`: the metrics would go nowhere")],
    );
    let remote_write = vec![send_to("http://host/write")];
    check(&Params { scrape: Some(false), remote_write, ..Default::default() }, &[]);
}

#[test]
fn bytes_that_are_no_configuration_are_told() {
    let spec = mixer_adapter_sdk::HandlerSpec {
        params: bytes::Bytes::from_static(b"\x0a\x7f"),
        ..spec("h", &Params::default())
    };
    assert_eq!(adapter().validate(&spec).len(), 1);
}
