//! What the New Relic adapter costs: for an item that it receives and delivers, beside the echo of the same bytes, and
//! beside writing and compressing the payload that is sent, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::try_join_all;
use http::uri::PathAndQuery;
use mixer_adapter_sdk::delivery::http::gzip;
use mixer_harness::free_ports;
use mixer_rpc::raw::unary;
use parking_lot::Mutex;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value as Json;
use tonic::Request;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};

use crate::bench::Bench;
use crate::load::Load;
use crate::newrelic::backend::Backend;
use crate::newrelic::certificates;
use crate::newrelic::ledger::{Ledger, Shared};
use crate::newrelic::messages::{BATCH, Kind, message};
use crate::newrelic::subject::Subject;
use crate::outcome::Row;
use crate::statistics::Spread;
use crate::traffic::Traffic;
use crate::usage;

/// Calls of a round: many enough for the kernel's clock, few enough for the adapter's queue.
const CALLS: u64 = 400;
/// Calls that are under way at once.
const CALLERS: u64 = 8;
/// The most CPU for a delivered item, in payloads written and compressed.
const TARGET: f64 = 2.0;
/// By then everything must have arrived.
const PATIENCE: Duration = Duration::from_secs(60);

/// Items of a kind through the adapter: the row of what is received, and that of what is delivered.
pub(super) async fn run(bench: &Bench, kind: Kind) -> anyhow::Result<Vec<Row>> {
    let name = kind.name();
    let folder = bench.path(&format!("deliver-{name}"));
    std::fs::create_dir(&folder)?;
    let ledger: Arc<Shared> = Arc::new(Mutex::new(Ledger::default()));
    let [port] = free_ports()?;
    let ca_file = folder.join("ca.pem");
    let backend = Backend::start(port, certificates::renew(&ca_file)?, ledger.clone()).await?;
    let mut subject = Subject::start(&folder, port, &ca_file, false).await?;
    let config = subject.config()?;
    let traffic = Traffic::one_way(message(kind, 0, &config).1, BATCH);
    let echo = Load::connect(bench.echo_port(), bench.options.callers(), traffic.echo()).await?;
    let channel = Endpoint::from_shared(format!("http://127.0.0.1:{}", subject.port()))?.connect().await?;
    let mut rounds = Vec::new();
    let mut first = 0;
    backend.payloads();
    // The first round only warms up.
    for _ in 0..=bench.options.rounds {
        let before = usage::cpu(subject.pid()?)?;
        let calls: Vec<_> = (0..CALLS).map(|call| message(kind, first + call * BATCH, &config)).collect();
        send(&channel, &calls).await?;
        acknowledge(&ledger, kind, first);
        first += CALLS * BATCH;
        arrived(&ledger).await.with_context(|| subject.log())?;
        let ours = usage::cpu(subject.pid()?)?.saturating_sub(before);
        rounds.push(Round {
            ours: per_item(ours, CALLS * BATCH),
            echo: echo.measure(bench.options.time(), &[bench.echo_pid()]).await?.cpu_per_bag(),
            payload: written_and_compressed(&backend.payloads())?,
        });
    }
    rounds.remove(0);
    let row = |what: &str, reference_name: String, of: fn(&Round) -> f64, target| Row {
        workload: format!("{what}-{name}"),
        reference_name,
        ours: Spread::of(rounds.iter().map(|round| round.ours)),
        ours_by_process: Vec::new(),
        reference: Spread::of(rounds.iter().map(of)),
        ratio: Spread::of(rounds.iter().map(|round| round.ours / of(round))),
        target,
        calls_per_second: 0.0,
        original: None,
    };
    let bytes = traffic.message_bytes();
    let mut rows =
        vec![row("receive", format!("echo of the call ({bytes} bytes)"), |round| round.echo, None)];
    // Samples are put together, so that next to nothing is delivered for one of them.
    if !matches!(kind, Kind::Metrics) {
        let payload = "the payload written and compressed".to_owned();
        rows.push(row("deliver", payload, |round| round.payload, Some(TARGET)));
    }
    subject.stop().await?;
    Ok(rows)
}

/// Microseconds of CPU for one item.
struct Round {
    ours: f64,
    echo: f64,
    payload: f64,
}

fn per_item(cpu: Duration, items: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / items.max(1) as f64
}

async fn send(channel: &Channel, calls: &[(&'static str, bytes::Bytes)]) -> anyhow::Result<()> {
    let shares = calls.chunks(calls.len().div_ceil(CALLERS as usize).max(1));
    try_join_all(shares.map(|share| async move {
        let mut client = Grpc::new(channel.clone());
        for (path, message) in share {
            unary(&mut client, PathAndQuery::from_static(path), Request::new(message.clone())).await?;
        }
        anyhow::Ok(())
    }))
    .await?;
    Ok(())
}

fn acknowledge(ledger: &Shared, kind: Kind, first: u64) {
    let mut ledger = ledger.lock();
    match kind {
        Kind::Metrics => (first / BATCH..first / BATCH + CALLS).for_each(|call| {
            ledger.calls.acknowledged.add(call);
        }),
        Kind::Spans => (first..first + CALLS * BATCH).for_each(|number| {
            ledger.spans.acknowledged.add(number);
        }),
        Kind::Logs => (first..first + CALLS * BATCH).for_each(|number| {
            ledger.logs.acknowledged.add(number);
        }),
    }
}

async fn arrived(ledger: &Shared) -> anyhow::Result<()> {
    let settled = async {
        while !ledger.lock().is_settled() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let late = || format!("not everything arrived: {:?} are missing", ledger.lock().lost());
    tokio::time::timeout(PATIENCE, settled).await.with_context(late)
}

/// The CPU that this thread needs, for one item, to write the payloads as JSON and to compress them.
fn written_and_compressed(payloads: &[Vec<u8>]) -> anyhow::Result<f64> {
    let clock = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
    };
    let (mut items, mut used) = (0, Duration::ZERO);
    for payload in payloads {
        let parsed: Json = serde_json::from_slice(payload)?;
        let batches = parsed.as_array().context("a payload is an array")?;
        let kinds = ["spans", "logs", "metrics"].iter();
        let of = |batch: &Json| {
            kinds.clone().map(|kind| batch[kind].as_array().map_or(0, Vec::len)).sum::<usize>()
        };
        items += batches.iter().map(of).sum::<usize>();
        let before = clock();
        std::hint::black_box(gzip(&serde_json::to_vec(&parsed)?));
        used += clock().saturating_sub(before);
    }
    anyhow::ensure!(items > 0, "nothing was delivered");
    Ok(per_item(used, items as u64))
}
