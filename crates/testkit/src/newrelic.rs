//! A strict fake of the ingest APIs of New Relic: what the documentation forbids is refused and kept as a fault, where the
//! real ones would answer 202 and lose the data without telling.

mod json;
mod rules;
mod script;
mod seen;
mod serve;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use serve::State;

pub use script::Scripted;
pub use seen::{Seen, SeenRequest};

/// One of the ingest APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IngestApi {
    /// `/metric/v1`.
    Metric,
    /// `/trace/v1`.
    Trace,
    /// `/log/v1`.
    Log,
    /// `/v1/accounts/events`.
    Event,
}

impl IngestApi {
    const ALL: [Self; 4] = [Self::Metric, Self::Trace, Self::Log, Self::Event];

    /// Its path.
    pub fn path(self) -> &'static str {
        match self {
            Self::Metric => "/metric/v1",
            Self::Trace => "/trace/v1",
            Self::Log => "/log/v1",
            Self::Event => "/v1/accounts/events",
        }
    }
}

/// A running fake. It stops with its runtime.
#[derive(Clone, Debug)]
pub struct FakeNewRelic {
    address: SocketAddr,
    state: Arc<State>,
}

impl FakeNewRelic {
    /// Starts a fake of an account with this key.
    ///
    /// # Errors
    ///
    /// No port can be bound on loopback.
    pub async fn start(key: &str) -> std::io::Result<Self> {
        Self::of_accounts(&[key]).await
    }

    /// Starts a fake of several accounts, each with a key of its own.
    ///
    /// # Errors
    ///
    /// No port can be bound on loopback.
    pub async fn of_accounts(keys: &[&str]) -> std::io::Result<Self> {
        Self::listen(([127, 0, 0, 1], 0).into(), keys).await
    }

    /// The same at an address, for clients that are not on this host's loopback.
    ///
    /// # Errors
    ///
    /// It cannot be bound.
    pub async fn listen(address: SocketAddr, keys: &[&str]) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(keys));
        tokio::spawn(serve::accept(listener, state.clone()));
        Ok(Self { address, state })
    }

    /// Where it listens. It is a proxy of `http://` URLs too: it takes what is for any host.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of one of its APIs.
    pub fn url(&self, api: IngestApi) -> String {
        format!("http://{}{}", self.address, api.path())
    }

    /// The URL of its Metric API.
    pub fn metrics_url(&self) -> String {
        self.url(IngestApi::Metric)
    }

    /// Answers the next request, if it breaks no rule, with this status, and with `Retry-After` seconds.
    pub fn script(&self, status: u16, retry_after: Option<u64>) {
        self.script_answer(Scripted::Status { status, retry_after });
    }

    /// Answers the next request, if it breaks no rule, like this.
    pub fn script_answer(&self, answer: Scripted) {
        self.state.script(answer);
    }

    /// What has arrived.
    pub fn seen(&self) -> Seen {
        self.state.seen()
    }

    /// Waits until so many requests have arrived.
    pub async fn requests(&self, count: usize) -> Seen {
        self.wait(|seen| seen.requests.len() >= count).await
    }

    /// Waits until what has arrived is enough.
    pub async fn wait(&self, enough: impl Fn(&Seen) -> bool) -> Seen {
        loop {
            // Made before the look, so that no change is missed.
            let changed = self.state.changed();
            let seen = self.seen();
            if enough(&seen) {
                return seen;
            }
            changed.await;
        }
    }
}
