//! An adapter that pushes: log entries one by one, and how many there were. Its backend is an HTTP server that gets text.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::{HeaderMap, Response};
use bytes::Bytes;
use mixer_adapter_sdk::delivery::aggregate::{AggregateOptions, Aggregator, Attributes, Kind, PointValue};
use mixer_adapter_sdk::delivery::http::{HttpClient, HttpOptions, Url};
use mixer_adapter_sdk::delivery::{
    Aggregated, Backend, Breaker, BreakerPolicy, DeliveryMetrics, NoRoom, Outcome, Payload, Pending,
    Pipeline, PipelineOptions, RetryPolicy,
};
use mixer_adapter_sdk::typed::template::LogEntry;
use mixer_adapter_sdk::typed::{HandleReport, Refused, TypedReport};
use mixer_adapter_sdk::{
    BuildError, Config, FieldProblem, HandlerError, HandlerSpec, ReportOutcome, TypedAdapter,
};
use prost::Message as _;

use super::backend;

/// What operators write.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Params {
    #[prost(string, tag = "1")]
    pub(crate) url: String,
    #[prost(uint64, tag = "2")]
    pub(crate) harvest_millis: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) max_age_millis: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) close_millis: u64,
}

impl Params {
    /// Harvests every 20 ms, and closes within one second.
    pub(crate) fn to(url: String) -> Self {
        Self { url, harvest_millis: 20, max_age_millis: 3_600_000, close_millis: 1000 }
    }

    pub(crate) fn spec(&self) -> HandlerSpec {
        let params = self.encode_to_vec().into();
        HandlerSpec { name: "pusher".into(), params, instances: Vec::new() }
    }
}

impl Config for Params {
    type Params = Self;
    const MESSAGE: &'static str = "pusher.Params";
    const DESCRIPTOR: &'static [u8] = &[];

    fn check(params: Self, _: &HandlerSpec) -> Result<Self, Vec<FieldProblem>> {
        match params.url.parse::<Url>() {
            Ok(_) => Ok(params),
            Err(_) => Err(vec![FieldProblem::new("url", "is no URL")]),
        }
    }
}

/// Sends lines of text.
pub(crate) struct Lines {
    client: HttpClient,
    url: Url,
}

impl Backend for Lines {
    type Item = String;

    fn size(&self, item: &String) -> usize {
        item.len()
    }

    fn encode(&self, items: &[String]) -> Result<Bytes, Refused> {
        Ok(items.join("\n").into())
    }

    fn decode(&self, body: &Bytes) -> Option<Vec<String>> {
        Some(std::str::from_utf8(body).ok()?.lines().map(str::to_owned).collect())
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", payload.request_id.to_string().parse().unwrap());
        match self.client.post(&self.url, headers, payload.body.clone()).await {
            Ok(answer) => answer.outcome(),
            Err(error) => error.outcome(),
        }
    }
}

pub(crate) struct Pusher;

pub(crate) struct PusherHandler {
    entries: Pipeline<Pending<String>, Lines>,
    counts: Pipeline<Aggregated<String>, Lines>,
}

impl TypedAdapter for Pusher {
    type Config = Params;
    type Handler = PusherHandler;
    type Templates = (LogEntry,);
    const NAME: &'static str = "pusher";
    const DESCRIPTION: &'static str = "Pushes lines of text.";

    async fn build(&self, params: Params, _: HandlerSpec) -> Result<PusherHandler, BuildError> {
        let url: Url = params.url.parse().unwrap();
        let lines = || Lines { client: HttpClient::new(&HttpOptions::default()).unwrap(), url: url.clone() };
        let metrics = DeliveryMetrics::shared().unwrap().of(&params.url);
        let mut options = PipelineOptions {
            name: "entries",
            harvest_period: Duration::from_millis(params.harvest_millis),
            close_patience: Duration::from_millis(params.close_millis),
            ..PipelineOptions::default()
        };
        let (first, longest) = (Duration::from_millis(5), Duration::from_millis(50));
        options.engine.retry = RetryPolicy { first, longest, ..RetryPolicy::default() };
        options.engine.breaker = Breaker::for_destination(
            &params.url,
            "",
            BreakerPolicy { failures: 1000, ..BreakerPolicy::default() },
        );
        options.spool.max_age = Duration::from_millis(params.max_age_millis);
        options.spool.per_second = 100_000;
        let list = Pending::new(options.engine.queue);
        let aggregator = Aggregator::new(AggregateOptions::default(), SystemTime::now());
        let counts = Aggregated::new(aggregator, |harvest| {
            let line = |value: &PointValue| match value {
                PointValue::Count(count) => format!("count {count}"),
                other => format!("{other:?}"),
            };
            harvest.points.iter().map(|point| line(&point.value)).collect()
        });
        let of_counts = PipelineOptions { name: "counts", ..options.clone() };
        Ok(PusherHandler {
            entries: Pipeline::start(list, lines(), options, metrics.clone()).await?,
            counts: Pipeline::start(counts, lines(), of_counts, metrics).await?,
        })
    }

    async fn close(handler: &PusherHandler) {
        tokio::join!(handler.entries.close(), handler.counts.close());
    }
}

impl HandleReport<LogEntry> for PusherHandler {
    async fn report(&self, report: TypedReport<'_, LogEntry>) -> Result<ReportOutcome, HandlerError> {
        let list = self.entries.collector();
        let taken = self.entries.accept(&report, |name, _, at| {
            let at = at.duration_since(UNIX_EPOCH).unwrap().as_millis();
            list.push(format!("entry {name} {at}"), 40)
        });
        let outcome = taken.await?;
        let aggregator = self.counts.collector().aggregator();
        let name: Arc<str> = "entries".into();
        let counted = self.counts.accept(&report, |_, _, at| {
            aggregator.record(&name, Attributes::default(), (Kind::Count, 1.0), at).unwrap();
            Ok::<_, NoRoom>(())
        });
        counted.await?;
        Ok(outcome)
    }
}

/// The backend of a pusher: it answers a status that a test may change.
pub(crate) struct Fake {
    backend: backend::Backend,
    status: Arc<AtomicU16>,
}

/// What arrived and was taken: bodies by request id, and how often each came.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    pub(crate) payloads: BTreeMap<String, (String, usize)>,
}

impl Fake {
    pub(crate) async fn start(status: u16) -> Self {
        let status = Arc::new(AtomicU16::new(status));
        let now = status.clone();
        let answer = move || {
            let status = now.load(Ordering::SeqCst);
            let body = Bytes::from(status.to_string());
            Response::builder().status(status).body(body).unwrap()
        };
        Self { backend: backend::Backend::start(answer, None).await, status }
    }

    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn params(&self) -> Params {
        Params::to(format!("http://{}/", self.backend.address))
    }

    pub(crate) fn dropped(&self, reason: &str) -> u64 {
        DeliveryMetrics::shared().unwrap().of(&self.params().url).dropped_so_far(reason)
    }

    /// Everything that was sent, whatever was answered.
    pub(crate) fn arrived(&self) -> Arrived {
        let mut arrived = Arrived::default();
        for (parts, body) in &*self.backend.received.lock() {
            let id = parts.headers["x-request-id"].to_str().unwrap().to_owned();
            let body = String::from_utf8(body.to_vec()).unwrap();
            let known = arrived.payloads.entry(id).or_insert_with(|| (body.clone(), 0));
            assert_eq!(known.0, body, "a payload keeps its id, and an id its payload");
            known.1 += 1;
        }
        arrived
    }

    /// What was sent from now on.
    pub(crate) fn forget(&self) {
        self.backend.received.lock().clear();
    }

    /// Waits until what arrived is as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&Arrived) -> bool) -> Arrived {
        let waiting = async {
            loop {
                let arrived = self.arrived();
                if wanted(&arrived) {
                    return arrived;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), waiting).await {
            Ok(arrived) => arrived,
            Err(_) => panic!("not what is wanted: {:?}", self.arrived()),
        }
    }
}

impl Arrived {
    /// Names and times of the entries of all payloads, each payload once.
    pub(crate) fn entries(&self) -> Vec<(String, u128)> {
        let lines = self.payloads.values().flat_map(|(body, _)| body.lines());
        let entries = lines.filter_map(|line| {
            let (name, at) = line.strip_prefix("entry ")?.split_once(' ')?;
            Some((name.to_owned(), at.parse().unwrap()))
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort();
        entries
    }

    pub(crate) fn names(&self) -> Vec<u32> {
        let mut names: Vec<u32> = self.entries().into_iter().map(|(name, _)| name.parse().unwrap()).collect();
        names.sort_unstable();
        names
    }

    /// The sum of all counts.
    pub(crate) fn counted(&self) -> f64 {
        let lines = self.payloads.values().flat_map(|(body, _)| body.lines());
        lines.filter_map(|line| line.strip_prefix("count ")?.parse::<f64>().ok()).sum()
    }
}
