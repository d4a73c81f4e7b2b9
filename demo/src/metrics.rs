//! What the parts say about the load: `mixs` about checks and access log entries, Prometheus about requests.

use std::time::Duration;

use anyhow::Context as _;
use mixer_harness::{HttpClient, client, get, sum_samples};
use serde_json::Value;

use crate::Ports;

/// What was found at the end.
pub(crate) struct Found {
    /// Checks that Envoy asked for, by answer.
    pub(crate) checks_ok: f64,
    /// Checks that were refused.
    pub(crate) checks_denied: f64,
    /// HTTP access log entries that `mixs` received.
    pub(crate) entries: f64,
    /// `sum(istio_requests_total)` as Prometheus has it.
    pub(crate) counted: f64,
    /// Of these, those with response code 403.
    pub(crate) counted_denied: f64,
    /// `sum(istio_request_duration_seconds_count)`.
    pub(crate) durations: f64,
}

/// Envoy flushes access logs every 0.2 s and Prometheus scrapes every 0.5 s; a loaded machine needs more.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// Waits until everything that was sent has arrived, or patience ends; then says what was found.
pub(crate) async fn settle(ports: &Ports, sent: u64) -> anyhow::Result<Found> {
    let client = client();
    let started = tokio::time::Instant::now();
    loop {
        let found = look(&client, ports).await?;
        let all = [found.entries, found.counted, found.durations].iter().all(|n| *n >= sent as f64);
        if all || started.elapsed() > PATIENCE {
            return Ok(found);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

async fn look(client: &HttpClient, ports: &Ports) -> anyhow::Result<Found> {
    let (_, text) = get(client, ports.mixer_admin, "/metrics").await?;
    let sum = |name: &str, label: &str| sum_samples(&text, name, label);
    Ok(Found {
        checks_ok: sum("mixer_envoy_checks_total", "answer=\"ok\""),
        checks_denied: sum("mixer_envoy_checks_total", "answer=\"denied\""),
        entries: sum("mixer_envoy_access_log_entries_total", "type=\"http\""),
        counted: query(client, ports, "sum(istio_requests_total)").await?,
        counted_denied: query(client, ports, "sum(istio_requests_total{response_code=\"403\"})").await?,
        durations: query(client, ports, "sum(istio_request_duration_seconds_count)").await?,
    })
}

/// The value of an instant query; 0 when there is no such series yet.
async fn query(client: &HttpClient, ports: &Ports, expression: &str) -> anyhow::Result<f64> {
    let encoded: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let (status, body) = get(client, ports.prometheus, &format!("/api/v1/query?query={encoded}")).await?;
    anyhow::ensure!(status == 200, "Prometheus answers {status} to {expression}: {body}");
    let answer: Value = serde_json::from_str(&body).context("Prometheus did not answer with JSON")?;
    let value = answer["data"]["result"][0]["value"][1].as_str();
    value.map_or(Ok(0.0), |text| text.parse().context("Prometheus answers with a number"))
}
