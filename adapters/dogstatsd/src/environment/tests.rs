//! What the environment says, and what it says wrongly.

use super::Environment;

fn read(variables: &[(&str, &str)]) -> Environment {
    Environment::read(|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

fn check(variables: &[(&str, &str)], address: Option<&str>, warnings: usize) {
    let read = read(variables);
    assert_eq!(read.address.map(|address| address.to_string()).as_deref(), address, "{variables:?}");
    assert_eq!(read.warnings.len(), warnings, "{:?}", read.warnings);
}

#[test]
fn the_agent_is_found() {
    check(&[], None, 0);
    check(&[("DD_AGENT_HOST", "")], None, 0);
    check(&[("DD_AGENT_HOST", "10.0.0.1")], Some("udp://10.0.0.1:8125"), 0);
    check(&[("DD_AGENT_HOST", "fd00::1"), ("DD_DOGSTATSD_PORT", "1")], Some("udp://[fd00::1]:1"), 0);
    check(&[("DD_DOGSTATSD_PORT", "9125")], Some("udp://localhost:9125"), 0);
    check(&[("DD_DOGSTATSD_PORT", "x")], Some("udp://localhost:8125"), 1);
    check(
        &[("DD_DOGSTATSD_SOCKET", "/var/run/datadog/dsd.socket")],
        Some("unix:///var/run/datadog/dsd.socket"),
        0,
    );
    check(&[("DD_DOGSTATSD_SOCKET", "unixgram:///a")], Some("unixgram:///a"), 0);
    check(&[("DD_DOGSTATSD_SOCKET", "a"), ("DD_AGENT_HOST", "b")], Some("udp://b:8125"), 1);
    let both = [("DD_DOGSTATSD_SOCKET", "/a"), ("DD_AGENT_HOST", "b")];
    check(&both, Some("unix:///a"), 0);
    check(&[both[0], ("DD_DOGSTATSD_URL", "udp://c")], Some("udp://c:8125"), 0);
    check(&[both[0], ("DD_DOGSTATSD_URL", "unixstream:///c")], Some("unixstream:///c"), 0);
    for wrong in ["c:1", "tcp://c:1", "http://c", "unix://c"] {
        check(&[both[0], ("DD_DOGSTATSD_URL", wrong)], Some("unix:///a"), 1);
    }
}

#[test]
fn tags_and_origin_are_found() {
    let found = read(&[
        ("DATADOG_TAGS", "a:1,b, c d:2,"),
        ("DD_TAGS", "e:5 f:6,g"),
        ("DD_ENTITY_ID", "1234-pod"),
        ("DD_ENV", "prod"),
        ("DD_SERVICE", "mixer"),
        ("DD_VERSION", "7"),
        ("DD_EXTERNAL_ENV", "it-false,cn-a"),
        ("DD_ORIGIN_DETECTION_ENABLED", "False"),
    ]);
    let tags = [
        "a:1",
        "b",
        "c d:2",
        "e:5",
        "f:6",
        "g",
        "dd.internal.entity_id:1234-pod",
        "env:prod",
        "service:mixer",
        "version:7",
    ];
    assert_eq!(found.tags, tags);
    assert_eq!(found.external_data.as_deref(), Some("it-false,cn-a"));
    assert!(found.no_origin_detection);
    assert!(!read(&[("DD_ORIGIN_DETECTION_ENABLED", "true")]).no_origin_detection);
    assert_eq!(read(&[]), Environment::default());
}
