//! Every way to write an address, and what is refused.

use std::path::PathBuf;

use super::Target;

fn name(host: &str, port: u16) -> Target {
    Target::Name { host: host.to_owned(), port }
}

fn fixed(addresses: &[&str]) -> Target {
    Target::Addresses(addresses.iter().map(|address| address.parse().unwrap()).collect())
}

#[test]
fn addresses_that_are_understood() {
    let unix = |path: &str| Target::Unix(PathBuf::from(path));
    let cases = [
        ("prometheusadapter:8080", name("prometheusadapter", 8080), "prometheusadapter:8080"),
        (" a.b.svc.cluster.local:80 ", name("a.b.svc.cluster.local", 80), "a.b.svc.cluster.local:80"),
        ("dns:///adapter.ns:9080", name("adapter.ns", 9080), "adapter.ns:9080"),
        ("dns://8.8.8.8/adapter.ns:9080", name("adapter.ns", 9080), "adapter.ns:9080"),
        ("dns:adapter:1", name("adapter", 1), "adapter:1"),
        ("dns:///adapter", name("adapter", 443), "adapter:443"),
        ("passthrough:///adapter:7", name("adapter", 7), "adapter:7"),
        ("127.0.0.1:8080", fixed(&["127.0.0.1:8080"]), "127.0.0.1:8080"),
        ("[::1]:8080", fixed(&["[::1]:8080"]), "[::1]:8080"),
        ("ipv4:10.0.0.1:1,10.0.0.2:2", fixed(&["10.0.0.1:1", "10.0.0.2:2"]), "10.0.0.1:1"),
        ("ipv6:[::1]:5", fixed(&["[::1]:5"]), "[::1]:5"),
        ("unix:///run/adapter.sock", unix("/run/adapter.sock"), "localhost"),
        ("unix:relative.sock", unix("relative.sock"), "localhost"),
    ];
    for (text, expected, authority) in cases {
        let target = Target::parse(text).unwrap();
        assert_eq!(target, expected, "{text}");
        assert_eq!(target.authority(), authority, "{text}");
    }
}

#[test]
fn addresses_that_are_refused_say_why() {
    let cases = [
        ("", "no port"),
        ("adapter", "no port"),
        (":8080", "neither a name"),
        ("adapter:port", "not a number"),
        ("adapter:70000", "not a number"),
        ("a b:80", "neither a name"),
        ("http://adapter:80", "write host:port"),
        ("https://adapter", "write host:port"),
        ("dns://adapter:80", "three slashes"),
        ("unix:", "wants a path"),
        ("unix://relative", "wants a path"),
        ("ipv4:10.0.0.1", "with ports"),
    ];
    for (text, part) in cases {
        let error = Target::parse(text).unwrap_err().to_string();
        assert!(error.contains(part) && error.starts_with("connection.address"), "{text:?}: {error}");
    }
}
