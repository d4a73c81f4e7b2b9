//! Headers of real clients, and what they get.

use super::*;

const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

fn check(accept: &str, expected: Exposition) {
    assert_eq!(Exposition::negotiate(accept), expected, "{accept}");
}

#[test]
fn protobuf_comes_to_those_who_ask_for_it() {
    check(PROTOBUF, Exposition::Protobuf);
    check(
        "application/vnd.google.protobuf; proto=\"io.prometheus.client.MetricFamily\"; encoding=\"delimited\"; q=0.7, text/plain; q=0.3",
        Exposition::Protobuf,
    );
    // Prometheus 2.40 and newer with native histograms.
    check(
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        Exposition::Protobuf,
    );
}

#[test]
fn what_is_not_offered_is_passed_over() {
    let open = Exposition::Text(Format::OpenMetrics);
    let text = Exposition::Text(Format::Text);
    check("application/vnd.google.protobuf", text);
    check("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", text);
    check("application/vnd.google.protobuf;proto=other.Message;encoding=delimited", text);
    check(&format!("{PROTOBUF};q=0.4,application/openmetrics-text;q=0.5"), open);
    check(&format!("application/openmetrics-text;q=0.5,{PROTOBUF};q=0.5"), open);
    check(&format!("{PROTOBUF};q=0"), text);
}
