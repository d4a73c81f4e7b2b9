//! Remote write against a strict receiver: what arrives, in which version, and what becomes of what does not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mixer_adapter_sdk::Handler;
use mixer_adapter_sdk::delivery::DeliveryMetrics;
use mixer_prometheus_adapter::PrometheusAdapter;
use mixer_testkit::{FakeRemoteWrite, Knows, Reply, WriteRequestSeen, WrittenPoint, WrittenValue};

use super::support::*;

/// Test machines may be slow.
const PATIENCE: Duration = Duration::from_secs(60);

fn metrics() -> [MetricInfo; 4] {
    let native_histogram = Some(NativeHistogram { bucket_factor: Some(2.0), ..Default::default() });
    let h = MetricInfo { buckets: explicit(&[1.0, 2.0]), ..metric("h", Kind::Distribution, &["a"]) };
    [
        with_exemplars(metric("c_total", Kind::Counter, &["a", "B"]), &["trace_id"]),
        metric("g", Kind::Gauge, &[]),
        with_exemplars(h, &["trace_id"]),
        MetricInfo {
            native_histogram,
            buckets: explicit(&[1.0]),
            ..with_exemplars(metric("n", Kind::Distribution, &[]), &["trace_id"])
        },
    ]
}

/// What has metrics of every kind and sends to these.
pub(crate) fn sending(remote_write: Vec<RemoteWrite>) -> Params {
    Params { remote_write, scrape: Some(false), ..params(&metrics()) }
}

/// A handler with some values that sends to these.
pub(crate) async fn reported(remote_write: Vec<RemoteWrite>) -> (PrometheusAdapter, Arc<dyn Handler>) {
    let adapter = adapter();
    let handler = build(&adapter, "h", &sending(remote_write)).await.unwrap();
    report_some(&*handler).await;
    (adapter, handler)
}

/// Values of every kind.
pub(crate) async fn report_some(handler: &dyn Handler) {
    let trace = |id: &str| ("trace_id", text(id));
    report(handler, "c_total", Value::Int64Value(3), &[("a", text("x")), ("B", text("")), trace("t1")]).await;
    report(handler, "g", Value::DoubleValue(f64::NAN), &[]).await;
    for (value, id) in [(0.5, "t2"), (1.5, "t3"), (9.0, "t4")] {
        report(handler, "h", Value::DoubleValue(value), &[("a", text("x")), trace(id)]).await;
        report(handler, "n", Value::DoubleValue(value), &[trace(id)]).await;
    }
}

/// The points of requests that were taken.
pub(crate) fn written(seen: &[WriteRequestSeen]) -> Vec<WrittenPoint> {
    seen.iter().filter(|request| request.status == 204).flat_map(|request| request.points.clone()).collect()
}

pub(crate) fn assert_no_fault(seen: &[WriteRequestSeen]) {
    for request in seen {
        assert_eq!(request.fault, None);
    }
}

/// Points in one line each, sorted: labels, value, exemplars.
pub(crate) fn lines(points: &[WrittenPoint]) -> Vec<String> {
    let labels = |labels: &BTreeMap<String, String>| {
        labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
    };
    let line = |point: &WrittenPoint| {
        let value = match &point.value {
            end if end.is_end() => "ends".to_owned(),
            WrittenValue::Sample(value) => value.to_string(),
            WrittenValue::Histogram(histogram) => {
                format!("{} values, {:?}", histogram.count, histogram.positive)
            }
        };
        let exemplars = point
            .exemplars
            .iter()
            .map(|exemplar| format!(" # {} {}", labels(&exemplar.labels), exemplar.value));
        format!("{} {value}{}", labels(&point.labels), exemplars.collect::<String>())
    };
    let mut lines: Vec<String> = points.iter().map(line).collect();
    lines.sort();
    lines
}

pub(crate) fn expected_lines() -> Vec<String> {
    let mut expected: Vec<String> = [
        "__name__=t_c_total,a=x 3 # trace_id=t1 3",
        "__name__=t_g NaN",
        "__name__=t_h_bucket,a=x,le=1 1 # trace_id=t2 0.5",
        "__name__=t_h_bucket,a=x,le=2 2 # trace_id=t3 1.5",
        "__name__=t_h_bucket,a=x,le=+Inf 3 # trace_id=t4 9",
        "__name__=t_h_count,a=x 3",
        "__name__=t_h_sum,a=x 11",
        "__name__=t_n 3 values, {-1: 1, 1: 1, 4: 1} # trace_id=t2 0.5 # trace_id=t3 1.5",
        "__name__=t_n_bucket,le=1 1 # trace_id=t2 0.5",
        "__name__=t_n_bucket,le=+Inf 3 # trace_id=t3 1.5",
        "__name__=t_n_count 3",
        "__name__=t_n_sum 11",
    ]
    .iter()
    .map(|line| (*line).to_owned())
    .collect();
    let ends = |line: &String| {
        let labels = line.split(' ').next().unwrap();
        format!("{labels} ends")
    };
    expected.extend(expected.iter().map(ends).collect::<Vec<_>>());
    expected.sort();
    expected
}

/// Sends everything once, and its end.
async fn send(knows: Knows, change: impl FnOnce(&mut RemoteWrite)) -> Vec<WriteRequestSeen> {
    let fake = FakeRemoteWrite::start(knows).await.unwrap();
    let mut to = send_to(&fake.url());
    change(&mut to);
    let (_adapter, handler) = reported(vec![to]).await;
    tokio::time::timeout(PATIENCE, handler.close()).await.unwrap();
    let seen = fake.seen();
    assert_no_fault(&seen);
    seen
}

#[tokio::test]
async fn both_versions_say_the_same() {
    // An exemplar stays for a second: the 9 beside the 1.5 is not one.
    for (protocol, version) in [(Protocol::V1, 1), (Protocol::V2, 2), (Protocol::Auto, 2)] {
        let seen = send(Knows::Both, |to| to.protocol = protocol.into()).await;
        assert!(seen.iter().all(|request| request.version == version));
        let points = written(&seen);
        assert_eq!(lines(&points), expected_lines(), "{protocol:?}");
        let described: BTreeMap<_, _> = points
            .iter()
            .map(|point| (point.labels["__name__"].as_str(), (point.metric_type, point.help.as_deref())))
            .collect();
        assert_eq!(described["t_c_total"], (Some(1), Some("c_total")));
        assert_eq!(described["t_g"], (Some(2), Some("g")));
        assert_eq!(described["t_h_bucket"], (Some(3), Some("h")));
        assert_eq!(described["t_n"], (Some(3), Some("n")));
        assert!(
            points
                .iter()
                .all(|point| point.start.is_some() == (version == 2 && point.labels["__name__"] != "t_g"))
        );
    }
}

#[tokio::test]
async fn a_receiver_of_1_0_gets_1_0() {
    for (knows, first) in [(Knows::V1, 415), (Knows::V1WithBadRequest, 400), (Knows::V1WithoutLooking, 204)] {
        let seen = send(knows, |to| to.max_series_per_request = Some(3)).await;
        let versions: Vec<_> = seen.iter().map(|request| (request.version, request.status)).collect();
        // Only the first request is tried; from then on it is known.
        assert_eq!(versions, [(2, first), (1, 204), (1, 204), (1, 204)], "{knows:?}");
        assert_eq!(lines(&written(&seen)), expected_lines(), "{knows:?}");
    }
}

#[tokio::test]
async fn parts_of_the_series_may_be_left_out() {
    let seen = send(Knows::Both, |to| {
        to.send_exemplars = Some(false);
        to.send_native_histograms = Some(false);
    })
    .await;
    let points = written(&seen);
    assert!(points.iter().all(|point| point.exemplars.is_empty()));
    assert!(points.iter().all(|point| matches!(point.value, WrittenValue::Sample(_))));
    assert_eq!(points.len(), 22);
}

/// What was dropped so far for a reason, in this process: tests of a process may run at the same time, so only growth is
/// looked at.
fn dropped(reason: &str) -> u64 {
    DeliveryMetrics::shared().unwrap().of("prometheus").dropped_so_far(reason)
}

#[tokio::test]
async fn what_the_receiver_did_not_write_is_counted() {
    let before = (dropped("not_written"), dropped("exemplar_not_written"), dropped("http_400"));
    let fake = FakeRemoteWrite::start(Knows::Both).await.unwrap();
    let (_adapter, handler) =
        reported(vec![RemoteWrite { max_series_per_request: Some(4), ..send_to(&fake.url()) }]).await;
    fake.script(Reply::WithoutExemplars);
    fake.script(Reply::Partly(9));
    handler.close().await;
    let seen = fake.seen();
    assert_eq!(seen.iter().map(|request| request.status).collect::<Vec<_>>(), [204, 400]);
    // 10 exemplars; 12 ends, of which 9 were written; series are counted, of which there are 4.
    assert_eq!(dropped("exemplar_not_written") - before.1, 8);
    assert_eq!(dropped("not_written") - before.0, 3);
    assert_eq!(dropped("http_400"), before.2);
}

#[tokio::test]
async fn what_may_succeed_later_is_sent_again_and_nothing_else() {
    let cases = [
        (Reply::Status(503, None), true),
        (Reply::Status(500, None), true),
        (Reply::Status(429, Some(1)), true),
        (Reply::Status(429, None), true),
        (Reply::Status(401, None), false),
        (Reply::Status(404, None), false),
        (Reply::Status(422, None), false),
    ];
    for (reply, again) in cases {
        let fake = FakeRemoteWrite::start(Knows::Both).await.unwrap();
        let (_adapter, handler) = reported(vec![send_to(&fake.url())]).await;
        fake.script(reply);
        handler.close().await;
        let seen = fake.seen();
        assert_no_fault(&seen);
        assert_eq!(seen.len(), if again { 2 } else { 1 }, "{reply:?}");
        if again {
            assert_eq!(lines(&seen[0].points), lines(&seen[1].points), "{reply:?}");
            assert_eq!(lines(&written(&seen)), expected_lines(), "{reply:?}");
        }
    }
}

#[tokio::test]
async fn credentials_and_headers_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (password, token) = (file("password", "pass:word\n"), file("token", "secret\n"));
    let tenant = file("tenant", "team-a");
    let seen = send(Knows::Both, |to| {
        to.basic_auth = Some(BasicAuth { username: "user".into(), password_file: password });
        to.headers = [("X-Plain".to_owned(), "1".to_owned())].into();
        to.header_files = [("X-Scope-OrgID".to_owned(), tenant)].into();
    })
    .await;
    assert_eq!(seen[0].authorization.as_deref(), Some("Basic dXNlcjpwYXNzOndvcmQ="));
    assert_eq!(seen[0].headers["x-scope-orgid"], "team-a");
    assert_eq!(seen[0].headers["x-plain"], "1");
    assert!(seen[0].headers["user-agent"].starts_with("mixer-prometheus-adapter/"));
    let seen = send(Knows::V1, |to| to.bearer_token_file = token).await;
    assert!(seen.iter().all(|request| request.authorization.as_deref() == Some("Bearer secret")));
    let to = RemoteWrite { bearer_token_file: "/does/not/exist".into(), ..send_to("http://127.0.0.1:1/") };
    let error = build(&adapter(), "h", &Params { remote_write: vec![to], ..Default::default() }).await;
    let error = error.err().unwrap().to_string();
    assert!(error.contains("remote_write") && error.contains("/does/not/exist"), "{error}");
}

#[tokio::test]
async fn a_proxy_is_used() {
    let fake = FakeRemoteWrite::start(Knows::Both).await.unwrap();
    let proxy_url = fake.url().replace("/api/v1/write", "");
    let to = RemoteWrite { proxy_url, ..send_to("http://receiver.invalid/api/v1/write") };
    let (_adapter, handler) = reported(vec![to]).await;
    handler.close().await;
    assert_eq!(lines(&written(&fake.seen())), expected_lines());
}

#[tokio::test]
async fn external_labels_and_the_replica_are_on_every_series() {
    let seen = send(Knows::Both, |to| {
        to.replica_label = None;
        to.external_labels = [("region", "eu"), ("a", "external")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    })
    .await;
    let points = written(&seen);
    assert_eq!(points.len(), 24);
    for point in points {
        assert_eq!(point.labels["region"], "eu");
        assert!(!point.labels["replica"].is_empty());
        // A label of the series itself stays.
        let has_own =
            point.labels["__name__"].starts_with("t_c") || point.labels["__name__"].starts_with("t_h");
        assert_eq!(point.labels["a"], if has_own { "x" } else { "external" });
    }
}

/// Whether a series of this name has ended, and came before.
fn has_ended(seen: &[WriteRequestSeen], name: &str) -> bool {
    let points = written(seen);
    let mut of_name = points.iter().filter(|point| point.labels["__name__"] == name);
    of_name.next_back().is_some_and(|last| last.value.is_end())
}

fn every_second(url: &str) -> RemoteWrite {
    RemoteWrite { send_period: Some(prost_types::Duration { seconds: 1, nanos: 0 }), ..send_to(url) }
}

#[tokio::test]
async fn series_end_when_they_expire_or_their_metric_is_gone() {
    let fake = FakeRemoteWrite::start(Knows::Both).await.unwrap();
    let adapter = adapter();
    let with =
        |metrics: &[MetricInfo]| Params { remote_write: vec![every_second(&fake.url())], ..params(metrics) };
    let (a, b) = (metric("a", Kind::Counter, &[]), metric("b", Kind::Counter, &[]));
    let first = build(&adapter, "h", &with(&[a.clone(), b.clone()])).await.unwrap();
    for name in ["a", "b"] {
        report(&*first, name, Value::Int64Value(1), &[]).await;
    }
    let has = |seen: &[WriteRequestSeen], name: &str| {
        written(seen).iter().any(|point| point.labels["__name__"] == name)
    };
    tokio::time::timeout(PATIENCE, fake.wait(|seen| has(seen, "t_b"))).await.unwrap();
    // An edit that leaves `a` as it is and drops `b`.
    let policy = MetricsExpirationPolicy {
        metrics_expiry_duration: Some(prost_types::Duration { seconds: 3, nanos: 0 }),
        expiry_check_interval_duration: None,
    };
    let params = Params { metrics_expiration_policy: Some(policy), ..with(&[a]) };
    let second = build(&adapter, "h", &params).await.unwrap();
    first.close().await;
    tokio::time::timeout(PATIENCE, fake.wait(|seen| has_ended(seen, "t_b"))).await.unwrap();
    // Nobody reports `a` any more.
    let ended = tokio::time::timeout(PATIENCE, fake.wait(|seen| has_ended(seen, "t_a"))).await.unwrap();
    assert_no_fault(&ended);
    second.close().await;
    assert_no_fault(&fake.seen());
}

#[tokio::test]
async fn two_handlers_with_one_destination_send_a_series_once() {
    let fake = FakeRemoteWrite::start(Knows::Both).await.unwrap();
    let adapter = adapter();
    let params =
        Params { remote_write: vec![send_to(&fake.url())], ..params(&[metric("a", Kind::Counter, &[])]) };
    let first = build(&adapter, "one", &params).await.unwrap();
    let second = build(&adapter, "two", &params).await.unwrap();
    report(&*first, "a", Value::Int64Value(1), &[]).await;
    report(&*second, "a", Value::Int64Value(1), &[]).await;
    first.close().await;
    assert_eq!(fake.seen(), [], "the other one still sends");
    second.close().await;
    assert_eq!(lines(&written(&fake.seen())), ["__name__=t_a 2", "__name__=t_a ends"]);
}

#[tokio::test]
async fn an_edit_of_how_it_is_sent_ends_no_series() {
    let fake = FakeRemoteWrite::start(Knows::Both).await.unwrap();
    let adapter = adapter();
    let with = |tenant: &str| {
        let headers = [("X-Scope-OrgID".to_owned(), tenant.to_owned())].into();
        let remote_write = vec![RemoteWrite { headers, ..send_to(&fake.url()) }];
        Params { remote_write, ..params(&[metric("a", Kind::Counter, &[])]) }
    };
    let first = build(&adapter, "h", &with("one")).await.unwrap();
    report(&*first, "a", Value::Int64Value(1), &[]).await;
    let second = build(&adapter, "h", &with("two")).await.unwrap();
    first.close().await;
    report(&*second, "a", Value::Int64Value(1), &[]).await;
    second.close().await;
    let seen = fake.seen();
    assert_no_fault(&seen);
    let tenants: Vec<_> = seen.iter().map(|request| request.headers["x-scope-orgid"].as_str()).collect();
    assert_eq!(tenants, ["one", "two"]);
    assert_eq!(lines(&seen[0].points), ["__name__=t_a 1"]);
    assert_eq!(lines(&seen[1].points), ["__name__=t_a 2", "__name__=t_a ends"]);
}

#[tokio::test]
async fn an_edit_that_cannot_be_built_leaves_the_sender_as_it_is() {
    let fake = FakeRemoteWrite::start(Knows::Both).await.unwrap();
    let adapter = adapter();
    let with = |token: &str| {
        let remote_write = vec![RemoteWrite { bearer_token_file: token.into(), ..send_to(&fake.url()) }];
        Params { remote_write, ..params(&[metric("a", Kind::Counter, &[])]) }
    };
    let first = build(&adapter, "h", &with("")).await.unwrap();
    report(&*first, "a", Value::Int64Value(1), &[]).await;
    build(&adapter, "h", &with("/does/not/exist")).await.err().unwrap();
    first.close().await;
    assert_eq!(lines(&written(&fake.seen())), ["__name__=t_a 1", "__name__=t_a ends"]);
}

#[tokio::test]
async fn a_snapshot_that_is_lost_is_made_good_by_the_next() {
    let fake = FakeRemoteWrite::start(Knows::Both).await.unwrap();
    let adapter = adapter();
    let remote_write = vec![every_second(&fake.url())];
    let params = Params { remote_write, ..params(&[metric("a", Kind::Counter, &[])]) };
    let handler = build(&adapter, "h", &params).await.unwrap();
    fake.script(Reply::Status(404, None));
    report(&*handler, "a", Value::Int64Value(1), &[]).await;
    tokio::time::timeout(PATIENCE, fake.requests(1)).await.unwrap();
    report(&*handler, "a", Value::Int64Value(1), &[]).await;
    let arrived = |seen: &[WriteRequestSeen]| lines(&written(seen)).contains(&"__name__=t_a 2".to_owned());
    let seen = tokio::time::timeout(PATIENCE, fake.wait(arrived)).await.unwrap();
    assert_eq!(seen[0].status, 404);
    assert_no_fault(&seen);
    handler.close().await;
}

#[tokio::test]
async fn without_scraping_nothing_is_shown() {
    let fake = FakeRemoteWrite::start(Knows::Both).await.unwrap();
    let (adapter, handler) = reported(vec![send_to(&fake.url())]).await;
    assert_eq!(adapter.scrape_address().await, None);
    assert_eq!(samples(&adapter), [""; 0]);
    handler.close().await;
    assert_eq!(lines(&written(&fake.seen())), expected_lines());
}
