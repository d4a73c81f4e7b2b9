//! Reports: one bag or many in a call, counted in the server or in an adapter of its own.

use std::fs;

use anyhow::Context as _;
use mixer_proto::template::metric::HandleMetricRequest;
use prost::Message as _;

use crate::bench::Bench;
use crate::capture::Capture;
use crate::comparison::{Comparison, Subject};
use crate::configuration::{Handler, metrics};
use crate::deployment::{Adapter, Deployment, Server};
use crate::load::{Callers, Load};
use crate::outcome::Row;
use crate::traffic::Traffic;

/// Bags in a batch.
const BATCH: u64 = 100;
/// Instances that each bag becomes, and dimensions of each of them.
const INSTANCES: usize = 4;
const DIMENSIONS: usize = 19;

/// Metrics in the server, beside the echo of one bag.
pub(super) async fn hosted(bench: &Bench, bags: u64, target: f64) -> anyhow::Result<Row> {
    let name = format!("report-{bags}-hosted");
    let traffic = Traffic::report(bags)?;
    let start = |server, folder| start(bench, server, None, &traffic, folder);
    let ours = start(bench.ours(), name.clone()).await?;
    let original = match bench.original() {
        Some(server) => Some(start(server, format!("{name}-original")).await?),
        None => None,
    };
    let one = Traffic::report(1)?;
    let references = vec![bench.echo(&one).await?];
    let comparison = Comparison {
        name,
        reference: format!("echo of one bag ({} bytes)", one.message_bytes()),
        references,
        ours,
        original,
        target: Some(target),
        counts: true,
    };
    comparison.run(bench.options.rounds, bench.options.time()).await
}

/// Metrics in an adapter of its own, one bag a call, beside the echo of one bag.
pub(super) async fn grpc(bench: &Bench) -> anyhow::Result<Row> {
    let traffic = Traffic::report(1)?;
    let comparison = Comparison {
        name: "report-1-grpc".to_owned(),
        reference: format!("echo of one bag ({} bytes)", traffic.message_bytes()),
        references: vec![bench.echo(&traffic).await?],
        ours: with_adapter(bench, &traffic, "report-1-grpc").await?,
        original: original_with_adapter(bench, &traffic, "report-1-grpc-original").await?,
        target: Some(3.6),
        counts: true,
    };
    comparison.run(bench.options.rounds, bench.options.time()).await
}

/// The same with many bags a call, beside what must be moved in any case: the report, and the instances that it
/// becomes.
pub(super) async fn grpc_batch(bench: &Bench) -> anyhow::Result<Row> {
    let traffic = Traffic::report(BATCH)?;
    let instances = bench.path("instances");
    let message = instance_bytes(bench, &traffic).await?;
    fs::write(&instances, &message)?;
    let comparison = Comparison {
        name: format!("report-{BATCH}-grpc"),
        reference: format!(
            "echo of the report ({} bytes) + client and server of its instances ({} bytes)",
            traffic.message_bytes(),
            message.len()
        ),
        references: vec![bench.echo(&traffic).await?, bench.relay(instances, BATCH)],
        ours: with_adapter(bench, &traffic, "report-100-grpc").await?,
        original: original_with_adapter(bench, &traffic, "report-100-grpc-original").await?,
        target: Some(2.5),
        counts: true,
    };
    comparison.run(bench.options.rounds, bench.options.time()).await
}

async fn with_adapter(bench: &Bench, traffic: &Traffic, folder: &str) -> anyhow::Result<Subject> {
    let adapter = bench.adapter().await?;
    start(bench, bench.ours(), Some(adapter), traffic, folder.to_owned()).await
}

async fn original_with_adapter(
    bench: &Bench,
    traffic: &Traffic,
    folder: &str,
) -> anyhow::Result<Option<Subject>> {
    match (bench.original(), bench.original_adapter().await?) {
        (Some(server), Some(adapter)) => {
            Ok(Some(start(bench, server, Some(adapter), traffic, folder.to_owned()).await?))
        }
        _ => Ok(None),
    }
}

async fn start(
    bench: &Bench,
    server: Server,
    adapter: Option<Adapter>,
    traffic: &Traffic,
    folder: String,
) -> anyhow::Result<Subject> {
    let handler = match (&adapter, &server) {
        (None, _) => Handler::Hosted,
        (Some(adapter), Server::Ours(_)) => Handler::Grpc(adapter.port),
        (Some(adapter), Server::Original(_)) => Handler::OriginalGrpc(adapter.port),
    };
    let deployment = Deployment::start(&server, &metrics(handler), adapter, &bench.path(&folder)).await?;
    bench.subject(deployment, traffic.clone()).await
}

/// The message that our server sends to an adapter for one report.
async fn instance_bytes(bench: &Bench, traffic: &Traffic) -> anyhow::Result<Vec<u8>> {
    let mut capture = Capture::start().await?;
    let resources = metrics(Handler::Grpc(capture.port));
    let deployment = Deployment::start(&bench.ours(), &resources, None, &bench.path("capture")).await?;
    let one = Callers { callers: 1, connections: 1 };
    Load::connect(deployment.port, one, traffic.clone()).await?.run_calls(1).await?;
    let messages = capture.take();
    let [message] = messages.as_slice() else {
        anyhow::bail!("one report became {} calls of the adapter instead of one", messages.len());
    };
    let request =
        HandleMetricRequest::decode(message.clone()).context("the adapter is sent no HandleMetricRequest")?;
    let (instances, expected) = (request.instances.len(), INSTANCES * traffic.bags as usize);
    anyhow::ensure!(instances == expected, "the adapter is sent {instances} of {expected} instances");
    let whole = |instance: &&_| dimensions(instance) == DIMENSIONS;
    let whole = request.instances.iter().filter(whole).count();
    anyhow::ensure!(whole == instances, "{} instances lack dimensions", instances - whole);
    Ok(message.to_vec())
}

fn dimensions(instance: &mixer_proto::template::metric::InstanceMsg) -> usize {
    instance.dimensions.len()
}
