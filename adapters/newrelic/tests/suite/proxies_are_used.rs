//! Traffic goes through the proxies of the environment, or that of the configuration, and not to hosts of NO_PROXY. Probes
//! never do.

use mixer_testkit::FakeNewRelic;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;

use crate::program::{PATIENCE, Program, request};
use crate::support::{KEY, key_file, params};

/// A host that nobody can look up: what arrives went through the proxy.
const HOST: &str = "http://metric-api.invalid/metric/v1";

/// Calls the program once, and looks at how the metric arrives, while probes are answered.
async fn check(more: Json, variables: &[(&str, String)], fake: &FakeNewRelic, wanted: (bool, &str)) {
    let directory = tempfile::tempdir().unwrap();
    let mut own = json!({"api_key_file": key_file(&directory, KEY), "harvest_period": "0.1s"});
    own.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let program = Program::start(&[], &variables).await;
    assert_eq!(program.get("/healthz").await.trim(), "ok");
    program.get("/readyz").await;
    program.client().await.handle_metric(request(&params(fake, &own), 1, &[])).await.unwrap();
    let seen = tokio::time::timeout(PATIENCE, fake.requests(1)).await.unwrap();
    program.get("/readyz").await;
    program.stop().await;
    let request = &seen.requests[0];
    assert_eq!((request.proxied, request.host.as_str()), wanted, "{more} {variables:?}");
    assert_eq!((seen.metrics.len(), seen.faults.len()), (1, 0));
}

#[tokio::test]
async fn a_proxy_of_the_environment() {
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    let proxy = format!("http://{}", fake.address());
    check(json!({"metrics_url": HOST}), &[("HTTP_PROXY", proxy)], &fake, (true, "metric-api.invalid")).await;
}

#[tokio::test]
async fn a_proxy_of_the_configuration() {
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    let more = json!({"metrics_url": HOST, "proxy_url": format!("http://{}", fake.address())});
    // That of the environment is not asked.
    let variables = [("HTTP_PROXY", "http://127.0.0.1:1".to_owned())];
    check(more, &variables, &fake, (true, "metric-api.invalid")).await;
}

#[tokio::test]
async fn no_proxy_is_honoured() {
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    let variables =
        [("HTTP_PROXY", "http://127.0.0.1:1".to_owned()), ("NO_PROXY", "127.0.0.0/8,localhost".to_owned())];
    let host = fake.address().to_string();
    check(json!({}), &variables, &fake, (false, &host)).await;
}

/// `https://` goes through a tunnel to the host of the region.
#[tokio::test]
async fn a_tunnel_for_https() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let more = json!({
        "api_key_file": key_file(&directory, KEY), "harvest_period": "0.1s", "metrics_url": "", "region": "EU"
    });
    let program = Program::start(&[], &[("HTTPS_PROXY", &proxy)]).await;
    program.client().await.handle_metric(request(&params(&fake, &more), 1, &[])).await.unwrap();
    let accepting = async {
        let (stream, _) = listener.accept().await.unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.unwrap();
        line
    };
    let line = tokio::time::timeout(PATIENCE, accepting).await.unwrap();
    assert_eq!(line.trim_end(), "CONNECT metric-api.eu.newrelic.com:443 HTTP/1.1");
}
