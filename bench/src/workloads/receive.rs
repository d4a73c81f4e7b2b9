//! What the adapters that push cost for an instance that they receive, beside the echo of the same bytes.

use std::time::Duration;

use crate::bench::Bench;
use crate::load::Load;
use crate::newrelic::messages::samples;
use crate::outcome::Row;
use crate::pushing::{ALL, Pushing, Sink};
use crate::statistics::Spread;
use crate::traffic::Traffic;
use crate::usage;

/// Instances of a call: what one small request comes to, and what many together come to.
const BATCHES: &[u64] = &[1, 100];
/// Different calls of a kind; together they have a thousand series, or as many as there are calls.
const CALLS: u64 = 64;
/// The most CPU for an instance, in echoes.
const TARGET: f64 = 2.0;
/// Connections, caches, series and allocators are warm after this.
const WARM_UP: Duration = Duration::from_secs(1);
/// By then what was received has been sent, or a push interval will send it with what comes next.
const SENT: Duration = Duration::from_millis(1500);

/// A row for each adapter and size of calls.
pub(super) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for adapter in ALL {
        for batch in BATCHES {
            rows.push(row(bench, adapter, *batch).await?);
        }
    }
    Ok(rows)
}

async fn row(bench: &Bench, adapter: &Pushing, batch: u64) -> anyhow::Result<Row> {
    let workload = format!("receive-{}-{batch}", adapter.name);
    let folder = bench.path(&workload);
    std::fs::create_dir(&folder)?;
    let sink = Sink::start().await?;
    let mut running = adapter.start(&folder, &sink).await?;
    let calls = (0..CALLS).map(|call| samples(call * batch, batch, &running.config));
    let traffic = Traffic::of_metrics(calls.collect(), batch);
    let (bytes, callers) = (traffic.message_bytes(), bench.options.callers());
    let echo = Load::connect(bench.echo_port(), callers, traffic.echo()).await?;
    let load = Load::connect(running.port, callers, traffic).await?;
    load.run_for(WARM_UP).await?;
    let mut measured = Vec::new();
    for _ in 0..bench.options.rounds {
        let reference = echo.measure(bench.options.time(), &[bench.echo_pid()]).await?.cpu_per_bag();
        let pid = running.pid()?;
        let (before, bags) = (usage::cpu(pid)?, load.bags());
        load.run_for(bench.options.time()).await?;
        tokio::time::sleep(SENT).await;
        let used = usage::cpu(pid)?.saturating_sub(before);
        let ours = used.as_secs_f64() * 1e6 / (load.bags() - bags).max(1) as f64;
        measured.push((ours, reference));
        running.received(load.bags()).await?;
    }
    anyhow::ensure!(sink.taken() > 0, "{workload}: nothing arrived at the backend");
    Ok(Row {
        workload,
        reference_name: format!("echo of the call ({bytes} bytes)"),
        ours: Spread::of(measured.iter().map(|(ours, _)| *ours)),
        ours_by_process: Vec::new(),
        reference: Spread::of(measured.iter().map(|(_, reference)| *reference)),
        ratio: Spread::of(measured.iter().map(|(ours, reference)| ours / reference)),
        target: Some(TARGET),
        calls_per_second: 0.0,
        original: None,
    })
}
