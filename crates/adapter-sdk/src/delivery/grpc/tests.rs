//! Addresses that are and are not ones. Connections are tested over real servers.

use super::*;

#[tokio::test]
async fn an_address_has_a_scheme_of_http_a_host_and_a_port() {
    let check = |url: &str, good: bool| {
        let made = GrpcClient::new(&url.parse().unwrap(), &HttpOptions::default());
        assert_eq!(made.is_ok(), good, "{url} {made:?}");
    };
    check("http://localhost:4317", true);
    check("https://collector.example.com", true);
    check("https://[::1]:4317/ignored", true);
    check("grpc://localhost:4317", false);
    check("unix:///run/x", false);
}
