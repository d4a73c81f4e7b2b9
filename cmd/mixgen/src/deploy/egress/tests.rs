//! What is taken for a destination, and what is not.

use super::Egress;

#[test]
fn destinations() {
    for (text, shown, rule) in [
        ("443", "443", "  - ports:\n    - port: 443\n      protocol: TCP\n"),
        ("8125/udp", "8125/udp", "  - ports:\n    - port: 8125\n      protocol: UDP\n"),
        (
            "10.1.2.3/8:3128/tcp",
            "10.0.0.0/8:3128",
            "  - to:\n    - ipBlock:\n        cidr: \"10.0.0.0/8\"\n    ports:\n    - port: 3128\n      protocol: TCP\n",
        ),
        (
            "[fd00::1]:4317",
            "[fd00::1/128]:4317",
            "  - to:\n    - ipBlock:\n        cidr: \"fd00::1/128\"\n    ports:\n    - port: 4317\n      protocol: TCP\n",
        ),
        (
            "api.example.com:443",
            "api.example.com:443",
            "  # api.example.com: a policy knows no names, so this port is open to every address.\n  - ports:\n    - port: 443\n      protocol: TCP\n",
        ),
        ("none", "none", ""),
    ] {
        let egress: Egress = text.parse().unwrap();
        assert_eq!(egress.to_string(), shown);
        assert_eq!(egress.rule(), rule);
        assert_eq!(shown.parse::<Egress>().unwrap(), egress);
    }
    for text in [
        "",
        "0",
        "x",
        "65536",
        ":443",
        "a..b:1",
        "-a:1",
        "443/sctp",
        "https://a:443",
        "a b:1",
        "1.2.3.4/33:1",
    ] {
        let error = text.parse::<Egress>().unwrap_err();
        assert!(error.starts_with("write [HOST:]PORT"), "{text}: {error}");
    }
}
