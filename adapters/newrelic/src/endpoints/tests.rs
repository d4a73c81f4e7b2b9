//! Every region, and the URLs that operators write.

use super::*;

#[test]
fn a_key_tells_its_region() {
    let check = |key: &str, host: &str| {
        let url = Target::Region(Region::Auto).url(Api::Metric, key);
        assert_eq!(url.map(|url| url.to_string()), Some(format!("https://{host}/metric/v1")), "{key}");
    };
    check("0123456789abcdef0123456789abcdef0123NRAL", "metric-api.newrelic.com");
    check("eu01xx6789abcdef0123456789abcdef0123NRAL", "metric-api.eu.newrelic.com");
    check("eu02xx6789abcdef0123456789abcdef0123NRAL", "metric-api.eu.newrelic.com");
    check("eureka", "metric-api.newrelic.com");
    check("jp01xx6789abcdef0123456789abcdef0123NRAL", "metric-api.jp.nr-data.net");
    check("", "metric-api.newrelic.com");
    check("eé", "metric-api.newrelic.com");
}

#[test]
fn each_region_serves_each_api() {
    let check = |region: Region, urls: [&str; 4]| {
        let found = Api::ALL.map(|api| Target::Region(region).url(api, "eu01xx").map(|url| url.to_string()));
        assert_eq!(found, urls.map(|url| Some(format!("https://{url}"))));
    };
    check(
        Region::Us,
        [
            "metric-api.newrelic.com/metric/v1",
            "trace-api.newrelic.com/trace/v1",
            "log-api.newrelic.com/log/v1",
            "insights-collector.newrelic.com/v1/accounts/events",
        ],
    );
    check(
        Region::Eu,
        [
            "metric-api.eu.newrelic.com/metric/v1",
            "trace-api.eu.newrelic.com/trace/v1",
            "log-api.eu.newrelic.com/log/v1",
            "insights-collector.eu01.nr-data.net/v1/accounts/events",
        ],
    );
    check(
        Region::Gov,
        [
            "gov-metric-api.newrelic.com/metric/v1",
            "gov-trace-api.newrelic.com/trace/v1",
            "gov-log-api.newrelic.com/log/v1",
            "gov-insights-collector.newrelic.com/v1/accounts/events",
        ],
    );
    check(
        Region::Jp,
        [
            "metric-api.jp.nr-data.net/metric/v1",
            "trace-api.jp.nr-data.net/trace/v1",
            "log-api.jp.nr-data.net/log/v1",
            "insights-collector.jp.nr-data.net/v1/accounts/events",
        ],
    );
}

#[test]
fn each_region_takes_otlp() {
    let check = |target: Target, key: &str, base: &str| {
        for (signal, path) in
            [(Signal::Metrics, "metrics"), (Signal::Traces, "traces"), (Signal::Logs, "logs")]
        {
            let url = target.otlp_url(signal, key).map(|url| url.to_string());
            assert_eq!(url, Some(format!("{base}/v1/{path}")));
        }
    };
    check(Target::Region(Region::Us), "eu01xx", "https://otlp.nr-data.net");
    check(Target::Region(Region::Eu), "", "https://otlp.eu01.nr-data.net");
    check(Target::Region(Region::Gov), "", "https://gov-otlp.nr-data.net");
    check(Target::Region(Region::Jp), "", "https://otlp.jp.nr-data.net");
    check(Target::Region(Region::Auto), "eu01xx", "https://otlp.eu01.nr-data.net");
    check(Target::Region(Region::Auto), "0123", "https://otlp.nr-data.net");
    for base in ["http://gateway:4318", "http://gateway:4318/", "http://gateway:4318/otlp/"] {
        let url = Target::Url(parse_base(base).expect(base));
        check(url, "eu01xx", base.trim_end_matches('/'));
    }
    assert_eq!(parse_base("gateway:4318"), None);
}

#[test]
fn urls_of_operators() {
    let check = |text: &str, url: Option<&str>| {
        let found = parse_url(Api::Trace, text).ok().map(|url| url.to_string());
        assert_eq!(found.as_deref(), url, "{text}");
    };
    check("https://trace-api.newrelic.com/trace/v1", Some("https://trace-api.newrelic.com/trace/v1"));
    check("https://observer.example.com", Some("https://observer.example.com/trace/v1"));
    check("https://observer.example.com/", Some("https://observer.example.com/trace/v1"));
    check("http://127.0.0.1:8080/other/path", Some("http://127.0.0.1:8080/other/path"));
    check("trace-api.newrelic.com", None);
    check("ftp://host/trace/v1", None);
    check("", None);
}
