//! What taking a metric costs: series alone, and with a journal before them. Prints CPU time for each sample, of the
//! whole process with its harvests, and what share of a core 20,000 samples a second are.
//!
//! `cargo bench -p mixer-adapter-sdk --features delivery --bench receipt`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark prints, and fails by panicking"
)]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use mixer_adapter_sdk::delivery::aggregate::{
    AggregateOptions, Aggregator, Attribute, Attributes, Kind, NotRecorded,
};
use mixer_adapter_sdk::delivery::spool::{Fsync, SpoolHome, SpoolOptions};
use mixer_adapter_sdk::delivery::{
    Aggregated, Backend, DeliveryMetrics, Outcome, Payload, Pipeline, PipelineOptions,
};
use mixer_adapter_sdk::typed::template::Metric;
use mixer_adapter_sdk::typed::{HandleReport, Refused, TypedReport};
use mixer_adapter_sdk::{
    Adapter, Batch, BuildError, Handler, HandlerError, HandlerSpec, ReportCall, ReportOutcome, TypedAdapter,
    hosted,
};
use mixer_proto::policy::v1beta1::{self as policy, value};
use mixer_proto::template::metric::InstanceMsg;
use prost::Message as _;

/// Instances of one report.
const BATCH: usize = 50;
const CALLERS: usize = 16;
const SECONDS: u64 = 3;
/// The load that a spool should carry well below one core.
const WANTED: f64 = 20_000.0;

struct Nowhere;

impl Backend for Nowhere {
    type Item = Vec<u8>;

    fn size(&self, item: &Vec<u8>) -> usize {
        item.len()
    }

    fn encode(&self, items: &[Vec<u8>]) -> Result<Bytes, Refused> {
        Ok(mixer_adapter_sdk::delivery::http::gzip(&items.concat()))
    }

    async fn send(&self, _: &Payload) -> Outcome {
        Outcome::Delivered
    }
}

struct Bench;
struct BenchHandler(Pipeline<Aggregated<Vec<u8>>, Nowhere>);

impl TypedAdapter for Bench {
    type Config = ();
    type Handler = BenchHandler;
    type Templates = (Metric,);
    const NAME: &'static str = "bench";
    const DESCRIPTION: &'static str = "Takes metrics.";

    async fn build(&self, (): (), _: HandlerSpec) -> Result<BenchHandler, BuildError> {
        let aggregator = Aggregator::new(AggregateOptions::default(), SystemTime::now());
        let collector = Aggregated::new(aggregator, |harvest| {
            harvest.points.iter().map(|point| format!("{point:?}").into_bytes()).collect()
        });
        let options = PipelineOptions { harvest_period: Duration::from_secs(1), ..Default::default() };
        let metrics = DeliveryMetrics::shared().unwrap().of("bench");
        Ok(BenchHandler(Pipeline::start(collector, Nowhere, options, metrics).await?))
    }

    async fn close(handler: &BenchHandler) {
        handler.0.close().await;
    }
}

impl HandleReport<Metric> for BenchHandler {
    async fn report(&self, report: TypedReport<'_, Metric>) -> Result<ReportOutcome, HandlerError> {
        let name: Arc<str> = "requests".into();
        let series = self.0.collector().aggregator();
        let taken = self.0.accept(&report, |_, view, at| {
            let dimensions = view.dimensions().iter().flatten();
            let texts = dimensions.filter_map(|(name, value)| Some((name, value?.text().into_owned())));
            let texts: Vec<_> = texts.collect();
            let attributes =
                Attributes::new(texts.iter().map(|(name, text)| (*name, Attribute::from(&**text))));
            series.record(&name, attributes, (Kind::Count, 1.0), at)?;
            Ok::<_, NotRecorded>(())
        });
        taken.await
    }
}

/// What a proxy says about requests: eight dimensions, 400 series.
fn batch(caller: usize) -> Batch {
    let text = |text: String| policy::Value { value: Some(value::Value::StringValue(text)) };
    let instances = (0..BATCH).map(|number| {
        let pod = (caller * BATCH + number) % 400;
        let names = ["source", "destination", "code", "method", "protocol", "reporter", "version"];
        let mut dimensions: Vec<_> =
            names.iter().map(|name| ((*name).to_owned(), text(format!("{name}-of-the-mesh")))).collect();
        dimensions.push(("pod".to_owned(), text(format!("httpbin-768b999cb5-{pod}"))));
        let message = InstanceMsg {
            name: "requestcount.instance.istio-system".to_owned(),
            value: Some(policy::Value { value: Some(value::Value::Int64Value(1)) }),
            dimensions: dimensions.into_iter().collect(),
            ..Default::default()
        };
        ("requestcount.instance.istio-system".into(), Bytes::from(message.encode_to_vec()))
    });
    Batch::from_instances(instances)
}

/// CPU time of the process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // USER_HZ is 100 on every Linux.
    Duration::from_millis(ticks * 10)
}

async fn measure(name: &str, adapter: Arc<dyn Adapter>) {
    let spec = HandlerSpec { name: "bench".into(), params: Bytes::new(), instances: Vec::new() };
    let handler: Arc<dyn Handler> = adapter.build(spec).await.unwrap();
    let (began, used) = (Instant::now(), cpu());
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (handler, batch) = (handler.clone(), batch(caller));
            tokio::spawn(async move {
                let mut taken = 0;
                while began.elapsed() < Duration::from_secs(SECONDS) {
                    let call = ReportCall { template: "metric", batch: batch.clone(), deadline: None };
                    handler.report(call).await.unwrap();
                    taken += BATCH;
                }
                taken
            })
        })
        .collect();
    let mut taken = 0;
    for caller in callers {
        taken += caller.await.unwrap();
    }
    let (took, used) = (began.elapsed().as_secs_f64(), (cpu() - used).as_secs_f64());
    handler.close().await;
    let each = used / taken as f64;
    println!(
        "{name:<24} {:>9.0} samples/s {:>7.2} µs of CPU each {:>6.1} % of a core at {WANTED} samples/s",
        taken as f64 / took,
        each * 1e6,
        each * WANTED * 100.0
    );
}

#[tokio::main]
async fn main() {
    measure("series alone", hosted(Bench)).await;
    for fsync in [Fsync::Never, Fsync::Always] {
        let directory = tempfile::tempdir().unwrap();
        let home =
            SpoolHome::open(SpoolOptions { fsync, ..SpoolOptions::new(directory.path()) }).await.unwrap();
        measure(&format!("with a spool, fsync {fsync:?}"), home.wrap(hosted(Bench))).await;
    }
}
