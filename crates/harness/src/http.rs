//! A small HTTP client for loopback, and what tests look for in an exposition.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::Process;

/// A client that keeps connections.
pub type HttpClient = Client<HttpConnector, Empty<Bytes>>;

/// How long a part may take to come up; Envoy needs a few seconds on a slow machine.
const START: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// A new client.
pub fn client() -> HttpClient {
    Client::builder(TokioExecutor::new()).build_http()
}

/// Status and body of a GET.
///
/// # Errors
/// No answer.
pub async fn get(client: &HttpClient, port: u16, path: &str) -> anyhow::Result<(u16, String)> {
    let uri = format!("http://127.0.0.1:{port}{path}").parse()?;
    let response = client.get(uri).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// Waits until the path answers 200; a process that ends meanwhile is an error with its last lines.
///
/// # Errors
/// A process ended, or a minute has passed.
pub async fn wait_ok(port: u16, path: &str, processes: &mut [Process]) -> anyhow::Result<()> {
    let client = client();
    let answered = async {
        loop {
            for process in processes.iter_mut() {
                process.still_running()?;
            }
            if matches!(get(&client, port, path).await, Ok((200, _))) {
                return anyhow::Ok(());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    };
    let late = || format!("127.0.0.1:{port}{path} did not answer 200 within {START:?}");
    tokio::time::timeout(START, answered).await.with_context(late)?
}

/// The sum of all samples of a metric in a Prometheus exposition whose labels contain a text.
pub fn sum_samples(exposition: &str, name: &str, label: &str) -> f64 {
    let is_sample = |line: &&str| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(label)
    };
    let values =
        exposition.lines().filter(is_sample).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum()
}
