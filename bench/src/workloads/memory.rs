//! Resident memory: of an idle server, with many series, and after many reports.

use anyhow::Context as _;

use crate::bench::Bench;
use crate::configuration::{Handler, metrics};
use crate::deployment::{Deployment, Server};
use crate::load::Load;
use crate::outcome::{Figure, Outcome};
use crate::traffic::Traffic;
use crate::usage;

/// Bags in a call.
const BATCH: u64 = 100;
/// Each source has a series of each of the four metrics.
const SOURCES: u64 = 2_500;

/// Of ours, and of the original when there is one.
pub(super) async fn run(bench: &Bench, outcome: &mut Outcome) -> anyhow::Result<()> {
    for (server, name) in [(Some(bench.ours()), "ours"), (bench.original(), "original")] {
        if let Some(server) = server {
            run_one(bench, &server, name, outcome).await?;
        }
    }
    Ok(())
}

async fn run_one(bench: &Bench, server: &Server, name: &str, outcome: &mut Outcome) -> anyhow::Result<()> {
    let folder = bench.path(&format!("memory-{name}"));
    let mut deployment = Deployment::start(server, &metrics(Handler::Hosted), None, &folder).await?;
    let pid = *deployment.pids()?.first().context("a deployment has a server")?;
    let mut resident = |state: &str| -> anyhow::Result<()> {
        let (name, value) = (format!("resident memory of {name}, {state}"), usage::resident_mib(pid)?);
        outcome.figures.push(Figure { name, value, unit: "MiB", target: None });
        Ok(())
    };
    resident("idle")?;
    let traffic = Traffic::report_of_sources(BATCH, SOURCES)?;
    let load = Load::connect(deployment.port, bench.options.callers(), traffic).await?;
    load.run_calls(SOURCES.div_ceil(BATCH)).await?;
    let counted = deployment.counted().await?;
    anyhow::ensure!(
        counted.series as u64 == SOURCES,
        "{} label sets became {} series",
        SOURCES,
        counted.series
    );
    resident("10,000 series")?;
    load.run_calls((bench.options.memory_bags / BATCH).saturating_sub(SOURCES / BATCH)).await?;
    deployment.counted().await?.expect(load.bags())?;
    deployment.pids()?;
    resident(&format!("after {} reported bags", load.bags()))
}
