//! The `prometheus` adapter: collects metric instances into series, and serves these to Prometheus.

mod config;
mod definition;
mod exemplar;
mod exposition;
mod generated;
mod handler;
mod labels;
mod mismatch;
mod refusal;
mod remote_write;
mod scrape;
mod self_test;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;

use mixer_adapter_sdk::{
    Adapter, AdapterInfo, BindError, BoxFuture, BuildError, FieldProblem, Handler, HandlerSpec,
    ListenAddress, Process, params,
};
use parking_lot::Mutex;

use crate::config::Config;
use crate::handler::{Held, PrometheusHandler};
use crate::remote_write::Senders;
use crate::scrape::{ScrapeLease, ScrapePort};
use crate::store::{Store, Terms};

pub use crate::exposition::Format;

/// The port that the original uses.
pub const DEFAULT_PORT: u16 = 42422;

const INFO: AdapterInfo = AdapterInfo {
    name: "prometheus",
    aliases: &[],
    description: "Exposes metrics to Prometheus.",
    templates: &["metric"],
    config_descriptor: include_bytes!("config.desc"),
    config_message: "adapter.prometheus.config.Params",
};

/// The adapter, and what all its handlers share: the series, and the port that Prometheus scrapes.
#[derive(Debug)]
pub struct PrometheusAdapter {
    store: Arc<Store>,
    scrape: ScrapePort,
    senders: Senders,
    /// Keeps the port open without a handler.
    open: Mutex<Option<ScrapeLease>>,
}

impl PrometheusAdapter {
    /// An adapter that serves `/metrics` at an address as soon as a handler uses it.
    pub fn new(address: ListenAddress) -> Self {
        let store = Arc::new(Store::new());
        Self {
            scrape: ScrapePort::new(address, store.clone()),
            store,
            senders: Senders::default(),
            open: Mutex::default(),
        }
    }

    /// Serves `/metrics` from now on, handlers or not, and says where.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub async fn open(&self) -> Result<SocketAddr, BindError> {
        let lease = self.scrape.lease().await?;
        let address = lease.address();
        *self.open.lock() = Some(lease);
        Ok(address)
    }

    /// Where `/metrics` is served; none when no handler uses it.
    pub async fn scrape_address(&self) -> Option<SocketAddr> {
        self.scrape.address().await
    }

    /// What a scrape gets.
    pub fn render(&self, format: Format) -> String {
        let mut text = String::new();
        let Ok(()) = exposition::render(&self.store.families(), format, |part| {
            text.push_str(part);
            Ok::<_, std::convert::Infallible>(())
        });
        text
    }

    /// What a scrape gets that asks for protobuf: `io.prometheus.client.MetricFamily`, each after its length.
    pub fn render_protobuf(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Ok(()) = exposition::render_protobuf(&self.store.families(), |part| {
            bytes.extend_from_slice(part);
            Ok::<_, std::convert::Infallible>(())
        });
        bytes
    }

    async fn build_handler(&self, spec: HandlerSpec) -> Result<Arc<dyn Handler>, BuildError> {
        let config = Config::check(&spec.params).map_err(params::not_valid)?;
        for mismatch in mismatch::find(&config, &spec.instances) {
            tracing::warn!(handler = %spec.name, "{mismatch}");
        }
        let scrape = match config.scrape {
            true => Some(self.scrape.lease().await.map_err(|error| BuildError(error.to_string()))?),
            false => None,
        };
        let terms = Terms { max_series: config.max_series, scraped: config.scrape };
        let registered = self.store.register(&spec.name, &config.metrics, terms);
        let (registration, metrics) = registered.map_err(|conflict| BuildError(conflict.to_string()))?;
        let mut senders = Vec::with_capacity(config.remote_write.len());
        for destination in &config.remote_write {
            senders.push(self.senders.lease(&self.store, registration.number(), destination).await?);
        }
        let held = Held::new(registration, scrape, senders);
        Ok(Arc::new(PrometheusHandler::new(self.store.clone(), &config, metrics, held)))
    }
}

impl Adapter for PrometheusAdapter {
    fn info(&self) -> &AdapterInfo {
        &INFO
    }

    fn validate(&self, spec: &HandlerSpec) -> Vec<FieldProblem> {
        Config::check(&spec.params).err().unwrap_or_default()
    }

    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        Box::pin(self.build_handler(spec))
    }
}

/// The adapter as a process of its own, whose series are scraped at an address.
pub fn process(address: ListenAddress) -> Process {
    let adapter = Arc::new(PrometheusAdapter::new(address));
    let opened = adapter.clone();
    Process::new(adapter)
        .version(env!("CARGO_PKG_VERSION"))
        .default_port(9070)
        .example_params(include_str!("../example.yaml"))
        .on_start(|| async move { opened.open().await.map(drop) })
}
