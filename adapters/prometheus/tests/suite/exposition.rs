//! The two formats, letter by letter.

use mixer_prometheus_adapter::{Format, PrometheusAdapter};

use super::support::*;

/// Short name of the metric, value, dimensions.
type Report<'a> = (&'a str, Value, &'a [(&'a str, &'a str)]);

async fn check(metrics: &[MetricInfo], reports: &[Report<'_>], format: Format, expected: &str) {
    let adapter = adapter();
    let handler = build(&adapter, "h", &params(metrics)).await.unwrap();
    for (metric, value, dimensions) in reports {
        let dimensions: Vec<_> = dimensions.iter().map(|(key, value)| (*key, text(value))).collect();
        report(&*handler, metric, value.clone(), &dimensions).await;
    }
    assert_eq!(adapter.render(format), expected);
    drop(adapter);
}

fn whole(value: i64) -> Value {
    Value::Int64Value(value)
}

fn double(value: f64) -> Value {
    Value::DoubleValue(value)
}

#[tokio::test]
async fn nothing_is_exposed_before_there_is_a_series() {
    let metrics = [metric("m", Kind::Counter, &["a"])];
    check(&metrics, &[], Format::Text, "").await;
    check(&metrics, &[], Format::OpenMetrics, "# EOF\n").await;
}

#[tokio::test]
async fn text_is_sorted_and_escaped() {
    let metrics = [
        MetricInfo {
            description: "line one\nline \"two\" \\ three".into(),
            ..metric("b_requests_total", Kind::Counter, &["path", "app"])
        },
        metric("a_temperature", Kind::Gauge, &[]),
    ];
    let reports: &[Report<'_>] = &[
        ("b_requests_total", whole(1), &[("path", "/z"), ("app", "x")]),
        ("b_requests_total", double(0.5), &[("path", "\\ \"quoted\"\nnext"), ("app", "x")]),
        ("b_requests_total", whole(2), &[("path", "/z"), ("app", "x")]),
        ("b_requests_total", whole(1), &[("path", "grüße 😀\t"), ("app", "")]),
        ("a_temperature", double(-1.5), &[]),
    ];
    let expected = r#"# HELP t_a_temperature a_temperature
# TYPE t_a_temperature gauge
t_a_temperature -1.5
# HELP t_b_requests_total line one\nline "two" \\ three
# TYPE t_b_requests_total counter
t_b_requests_total{app="",path="grüße 😀	"} 1
t_b_requests_total{app="x",path="/z"} 3
t_b_requests_total{app="x",path="\\ \"quoted\"\nnext"} 0.5
"#;
    check(&metrics, reports, Format::Text, expected).await;
    let expected = r#"# HELP t_a_temperature a_temperature
# TYPE t_a_temperature gauge
t_a_temperature -1.5
# HELP t_b_requests line one\nline \"two\" \\ three
# TYPE t_b_requests counter
t_b_requests_total{app="",path="grüße 😀	"} 1
t_b_requests_total{app="x",path="/z"} 3
t_b_requests_total{app="x",path="\\ \"quoted\"\nnext"} 0.5
# EOF
"#;
    check(&metrics, reports, Format::OpenMetrics, expected).await;
}

#[tokio::test]
async fn histograms_are_cumulative() {
    let metrics =
        [MetricInfo { buckets: explicit(&[0.5, 1.0, 10.0]), ..metric("h", Kind::Distribution, &["a"]) }];
    let reports: &[Report<'_>] = &[
        ("h", double(0.5), &[("a", "x")]),
        ("h", double(0.75), &[("a", "x")]),
        ("h", whole(10), &[("a", "x")]),
        ("h", double(10.25), &[("a", "x")]),
        ("h", whole(-3), &[("a", "y")]),
    ];
    let expected = r#"# HELP t_h h
# TYPE t_h histogram
t_h_bucket{a="x",le="0.5"} 1
t_h_bucket{a="x",le="1"} 2
t_h_bucket{a="x",le="10"} 3
t_h_bucket{a="x",le="+Inf"} 4
t_h_sum{a="x"} 21.5
t_h_count{a="x"} 4
t_h_bucket{a="y",le="0.5"} 1
t_h_bucket{a="y",le="1"} 1
t_h_bucket{a="y",le="10"} 1
t_h_bucket{a="y",le="+Inf"} 1
t_h_sum{a="y"} -3
t_h_count{a="y"} 1
"#;
    check(&metrics, reports, Format::Text, expected).await;
    let expected = expected.replace("le=\"1\"", "le=\"1.0\"").replace("le=\"10\"", "le=\"10.0\"") + "# EOF\n";
    check(&metrics, reports, Format::OpenMetrics, &expected).await;
}

/// The `le` labels of a histogram without labels.
async fn bounds_of(buckets: Option<BucketsDefinition>) -> Vec<String> {
    let adapter: PrometheusAdapter = adapter();
    let metrics = [MetricInfo { buckets, ..metric("h", Kind::Distribution, &[]) }];
    let handler = build(&adapter, "h", &params(&metrics)).await.unwrap();
    report(&*handler, "h", whole(0), &[]).await;
    let lines = samples(&adapter);
    lines.iter().filter_map(|line| Some(line.split_once("le=\"")?.1.split_once('"')?.0.to_owned())).collect()
}

#[tokio::test]
async fn bounds_are_those_of_the_original() {
    use buckets_definition::Definition::*;
    use buckets_definition::{Exponential, Linear};
    let definition = |definition| Some(BucketsDefinition { definition: Some(definition) });
    let check = async |buckets, expected: &str| assert_eq!(bounds_of(buckets).await.join(" "), expected);
    check(None, "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 +Inf").await;
    check(explicit(&[]), "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 +Inf").await;
    let linear = Linear { num_finite_buckets: 3, width: 0.1, offset: 0.0 };
    check(definition(LinearBuckets(linear)), "0 0.1 0.2 0.30000000000000004 +Inf").await;
    let exponential = Exponential { num_finite_buckets: 8, growth_factor: 10.0, scale: 1.0 };
    let powers = "1 10 100 1000 10000 100000 1e+06 1e+07 1e+08 +Inf";
    check(definition(ExponentialBuckets(exponential)), powers).await;
    check(explicit(&[1e-5, 0.0001, 123_456.5, 1e21, f64::INFINITY]), "1e-05 0.0001 123456.5 1e+21 +Inf")
        .await;
}

#[tokio::test]
async fn values_are_written_shortly_and_exactly() {
    let adapter = adapter();
    let handler = build(&adapter, "h", &params(&[metric("m", Kind::Gauge, &[])])).await.unwrap();
    let check = async |value: f64, expected: &str| {
        report(&*handler, "m", double(value), &[]).await;
        assert_eq!(samples(&adapter), [format!("t_m {expected}")]);
    };
    check(0.0, "0").await;
    check(-0.0, "0").await;
    check(999_999.0, "999999").await;
    check(1e6, "1e+06").await;
    check(4_194_304.0, "4.194304e+06").await;
    check(1_234_567.5, "1.2345675e+06").await;
    check(0.1 + 0.2, "0.30000000000000004").await;
    check(1e-4, "0.0001").await;
    check(1.5e-7, "1.5e-07").await;
    check(f64::MAX, "1.7976931348623157e+308").await;
    check(f64::INFINITY, "+Inf").await;
}

#[tokio::test]
async fn counters_add_up_whole_numbers_and_fractions() {
    let adapter = adapter();
    let handler = build(&adapter, "h", &params(&[metric("m", Kind::Counter, &[])])).await.unwrap();
    let check = async |value: Value, sum: &str| {
        report(&*handler, "m", value, &[]).await;
        assert_eq!(samples(&adapter), [format!("t_m {sum}")]);
    };
    check(double(0.5), "0.5").await;
    check(whole(3), "3.5").await;
    check(double(0.25), "3.75").await;
    check(whole(0), "3.75").await;
    // 2^50 + 3.75 and, past the numbers that are added up on their own, 2^53 more; both are doubles.
    check(whole(1 << 50), "1.1258999068426278e+15").await;
    check(whole(1 << 53), "1.013309916158362e+16").await;
}

#[tokio::test]
async fn names_of_open_metrics_do_not_clash() {
    let metrics = [
        metric("x", Kind::Gauge, &[]),
        metric("x_total", Kind::Counter, &[]),
        metric("y", Kind::Counter, &[]),
        metric("z", Kind::Counter, &[]),
        metric("z_total", Kind::Gauge, &[]),
    ];
    let reports: &[Report<'_>] = &[
        ("x", whole(1), &[]),
        ("x_total", whole(2), &[]),
        ("y", whole(3), &[]),
        ("z", whole(4), &[]),
        ("z_total", whole(5), &[]),
    ];
    let expected = "# HELP t_x x\n# TYPE t_x gauge\nt_x 1\n\
        # HELP t_x_total x_total\n# TYPE t_x_total unknown\nt_x_total 2\n\
        # HELP t_y y\n# TYPE t_y counter\nt_y_total 3\n\
        # HELP t_z z\n# TYPE t_z unknown\nt_z 4\n\
        # HELP t_z_total z_total\n# TYPE t_z_total gauge\nt_z_total 5\n\
        # EOF\n";
    check(&metrics, reports, Format::OpenMetrics, expected).await;
}

#[tokio::test]
async fn names_and_help_have_defaults() {
    let metrics = [MetricInfo {
        name: String::new(),
        namespace: String::new(),
        instance_name: "request-count.instance.ns".into(),
        ..metric("", Kind::Counter, &[])
    }];
    let expected = "# HELP istio_requestcount_instance_ns request-count.instance.ns\n\
        # TYPE istio_requestcount_instance_ns counter\n\
        istio_requestcount_instance_ns 1\n";
    check(&metrics, &[("request-count", whole(1), &[])], Format::Text, expected).await;
}

#[test]
fn the_client_chooses_the_format() {
    let check = |accept: &str, expected: Format| assert_eq!(Format::negotiate(accept), expected, "{accept}");
    check("", Format::Text);
    check("*/*", Format::Text);
    check("text/plain", Format::Text);
    check("application/json", Format::Text);
    check("application/openmetrics-text", Format::OpenMetrics);
    check("application/openmetrics-text; version=1.0.0; charset=utf-8", Format::OpenMetrics);
    check("Application/OpenMetrics-Text;version=\"1.0.0\"", Format::OpenMetrics);
    check("application/openmetrics-text; version=0.0.1", Format::OpenMetricsDraft);
    check("application/openmetrics-text; version=2.0.0", Format::Text);
    check("application/openmetrics-text; q=0", Format::Text);
    // Prometheus 2 and 3.
    check(
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        Format::OpenMetrics,
    );
    check(
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
        Format::OpenMetrics,
    );
    check("text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.5", Format::Text);
}
