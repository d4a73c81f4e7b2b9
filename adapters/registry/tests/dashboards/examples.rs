//! Small dashboards of every kind, good and bad, with the example of an adapter that they are looked at beside.

use serde_json::{Value as Json, json};

const PROMETHEUS: &str =
    "metrics:\n- {name: requests_total, kind: COUNTER}\n- {name: size, namespace: own, kind: DISTRIBUTION}\n";
const NEWRELIC: &str = "namespace: istio\nmetrics:\n  a.instance.ns: {name: request.size, type: SUMMARY}\nlogs:\n  b.instance.ns: {event_type: MeshLog}\n";
const DOGSTATSD: &str = "prefix: istio.\nmetrics:\n  a.instance.ns: {name: request.count, type: COUNTER}\n";
const STATSD: &str =
    "prefix: istio\nmetrics:\n  a.instance.ns: {name_template: 'requests.{{destination}}', type: COUNTER}\n";
const STACKDRIVER: &str = "metrics:\n  a.instance.ns: {metric_type: istio.io/service/count}\n";
const OTLP: &str = "metrics:\n  a.instance.ns: {name: http.server.request.duration, unit: s}\n";

pub(crate) fn grafana(target: Json) -> Json {
    json!({
        "title": "T", "schemaVersion": 39,
        "panels": [{
            "id": 1, "type": "timeseries", "title": "P",
            "gridPos": { "h": 8, "w": 8, "x": 0, "y": 0 },
            "targets": [target],
        }],
    })
}

fn promql(query: &str) -> Json {
    grafana(json!({ "refId": "A", "expr": query }))
}

fn graphite(target: &str) -> Json {
    grafana(json!({ "refId": "A", "target": target }))
}

fn datadog(query: &str) -> Json {
    let queries = json!([{ "data_source": "metrics", "name": "q", "query": query }]);
    let requests = json!([{ "response_format": "timeseries", "queries": queries }]);
    let definition = json!({ "type": "timeseries", "title": "P", "requests": requests });
    json!({ "title": "T", "layout_type": "ordered", "widgets": [{ "definition": definition }] })
}

fn new_relic(query: &str) -> Json {
    let raw = json!({ "nrqlQueries": [{ "accountIds": [], "query": query }] });
    let widget = json!({
        "title": "P", "visualization": { "id": "viz.line" },
        "layout": { "column": 1, "row": 1, "width": 4, "height": 3 }, "rawConfiguration": raw,
    });
    json!({ "name": "T", "permissions": "PUBLIC_READ_WRITE", "pages": [{ "name": "Page", "widgets": [widget] }] })
}

fn monitoring(filter: &str) -> Json {
    let series = json!({ "timeSeriesQuery": { "timeSeriesFilter": { "filter": filter } } });
    let widget = json!({ "title": "P", "xyChart": { "dataSets": [series] } });
    json!({ "displayName": "T", "mosaicLayout": {
        "columns": 48, "tiles": [{ "xPos": 0, "yPos": 0, "width": 24, "height": 16, "widget": widget }],
    } })
}

/// Adapter, dashboard, the adapter's example, names that are asked for.
pub(crate) fn good() -> Vec<(&'static str, Json, &'static str, Vec<&'static str>)> {
    let rate = "sum by (a, b) (rate(istio_requests_total{c=\"x{y\\\"}\", d=~\"$v\"}[$__rate_interval])) / on (a) group_left 2";
    let quantile =
        "histogram_quantile(0.9, sum(rate(own_size_bucket[5m])) by (le)) > bool own_size_sum offset 5m";
    let stacked = "100 * sum:istio.request.count{$source,code:5*} by {destination}.as_rate() / avg:istio.request.count{*}";
    vec![
        ("prometheus", promql(rate), PROMETHEUS, vec!["istio_requests_total"]),
        ("prometheus", promql(quantile), PROMETHEUS, vec!["own_size_bucket", "own_size_sum"]),
        (
            "otlp",
            promql("http_server_request_duration_seconds_count"),
            OTLP,
            vec!["http_server_request_duration_seconds_count"],
        ),
        (
            "statsd",
            graphite("alias(sumSeries(stats.counters.istio.requests.*.rate), 'all.requests')"),
            STATSD,
            vec!["stats.counters.istio.requests.*.rate"],
        ),
        (
            "statsd",
            graphite("seriesByTag('name=istio.requests.x', 'a=~b.c')"),
            STATSD,
            vec!["istio.requests.x"],
        ),
        ("dogstatsd", datadog(stacked), DOGSTATSD, vec!["istio.request.count", "istio.request.count"]),
        (
            "newrelic",
            new_relic("SELECT average(istio.request.size) FROM Metric FACET source TIMESERIES"),
            NEWRELIC,
            vec!["istio.request.size"],
        ),
        (
            "newrelic",
            new_relic(
                "FROM Metric SELECT rate(sum(`istio.request.size`), 1 minute), uniqueCount(source.name)",
            ),
            NEWRELIC,
            vec!["istio.request.size"],
        ),
        ("newrelic", new_relic("SELECT count(*) FROM MeshLog"), NEWRELIC, vec!["MeshLog"]),
        ("newrelic", two_pages(), NEWRELIC, vec!["istio.request.size"]),
        (
            "stackdriver",
            monitoring(
                "metric.type=\"custom.googleapis.com/istio.io/service/count\" resource.type=\"k8s_pod\"",
            ),
            STACKDRIVER,
            vec!["custom.googleapis.com/istio.io/service/count"],
        ),
    ]
}

fn two_pages() -> Json {
    let mut dashboard = new_relic("SELECT max(istio.request.size) FROM Metric");
    let spans = new_relic("SELECT count(*) FROM Span FACET service.name");
    dashboard["pages"].as_array_mut().unwrap().push(spans["pages"][0].clone());
    dashboard
}

fn without(mut dashboard: Json, pointer: &str, field: &str) -> Json {
    dashboard.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(field).unwrap();
    dashboard
}

/// Adapter, dashboard, the adapter's example, what has to be said about it.
pub(crate) fn bad() -> Vec<(&'static str, Json, &'static str, &'static str)> {
    let fine = || promql("istio_requests_total");
    vec![
        (
            "prometheus",
            promql("rate(istio_request_total[5m])"),
            PROMETHEUS,
            "istio_request_total is not defined",
        ),
        ("prometheus", promql("sum(own_size)"), PROMETHEUS, "own_size is not defined"),
        ("prometheus", promql("{__name__=\"istio_requests_total\"}"), PROMETHEUS, "a name in braces"),
        ("prometheus", promql("istio_requests_total{a=\"b\""), PROMETHEUS, "there is no }"),
        ("prometheus", json!({ "title": "T", "rows": [] }), PROMETHEUS, "no kind that is known"),
        ("prometheus", without(fine(), "/panels/0", "gridPos"), PROMETHEUS, "gridPos"),
        ("prometheus", without(fine(), "/panels/0", "targets"), PROMETHEUS, "it has no query"),
        ("otlp", promql("http_server_request_duration_bucket"), OTLP, "is not defined"),
        ("statsd", graphite("stats.counters.istio.request.*.rate"), STATSD, "is not defined"),
        ("dogstatsd", datadog("sum:request.count{*}"), DOGSTATSD, "request.count is not defined"),
        ("dogstatsd", datadog("istio.request.count{*}"), DOGSTATSD, "is no sum:name{tags}"),
        (
            "dogstatsd",
            without(datadog("sum:istio.request.count{*}"), "/widgets/0/definition", "type"),
            DOGSTATSD,
            "type",
        ),
        (
            "newrelic",
            new_relic("SELECT sum(request.size) FROM Metric"),
            NEWRELIC,
            "request.size is not defined",
        ),
        ("newrelic", new_relic("SELECT count(*) FROM Transaction"), NEWRELIC, "Transaction is not defined"),
        (
            "newrelic",
            without(new_relic("FROM Metric SELECT sum(istio.request.size)"), "/pages/0", "name"),
            NEWRELIC,
            "name",
        ),
        (
            "stackdriver",
            monitoring("metric.type=\"custom.googleapis.com/other\""),
            STACKDRIVER,
            "is not defined",
        ),
        ("stackdriver", monitoring("resource.type=\"k8s_pod\""), STACKDRIVER, "has no metric.type"),
    ]
}
