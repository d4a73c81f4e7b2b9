//! `--selfTest`: scrapes what is served, and sends one marked sample to each receiver.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::HeaderMap;
use mixer_adapter_sdk::delivery::http::{HttpClient, HttpOptions, Url};
use mixer_adapter_sdk::{ErrorKind, HandlerError};

use crate::remote_write::Tester;

/// So many names of metrics are worth a log line.
const SHOWN: usize = 20;

/// Tries everything, and tells all that is wrong.
pub(crate) async fn run(
    scrape: Option<SocketAddr>,
    testers: Vec<Tester>,
    metrics: &[&str],
) -> Result<(), HandlerError> {
    let mut wrong = Vec::new();
    if let Some(address) = scrape {
        wrong.extend(self::scrape(address, metrics).await.err());
    }
    for tester in testers {
        wrong.extend(tester.run().await.err());
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(HandlerError::new(ErrorKind::Unavailable, wrong.join("; "))),
    }
}

/// Asks for what is served as Prometheus does.
async fn scrape(address: SocketAddr, metrics: &[&str]) -> Result<(), String> {
    let asked = SocketAddr::new(reachable(address.ip()), address.port());
    let failed = |error: &dyn std::fmt::Display| format!("scraping http://{asked}/metrics: {error}");
    let client = HttpClient::new(&HttpOptions::default()).map_err(|error| failed(&error))?;
    let url = format!("http://{asked}/metrics").parse::<Url>().map_err(|error| failed(&error))?;
    let answer = client.get(&url, HeaderMap::new()).await.map_err(|error| failed(&error))?;
    if !answer.status.is_success() {
        return Err(failed(&answer.text()));
    }
    let names = metrics.get(..SHOWN).unwrap_or(metrics).join(", ");
    let more = if metrics.len() > SHOWN { ", …" } else { "" };
    tracing::info!(
        %address, metrics = metrics.len(),
        "http://{address}/metrics answers {}; it serves what is reported of [{names}{more}]", answer.status
    );
    Ok(())
}

/// An address at which one that stands for all can be asked.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(all) if all.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(all) if all.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        own => own,
    }
}
