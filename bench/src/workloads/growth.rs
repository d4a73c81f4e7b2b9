//! What more of something costs: connections and rules, in memory and in CPU.

use anyhow::Context as _;

use crate::bench::Bench;
use crate::configuration::{policy, rules};
use crate::deployment::Deployment;
use crate::load::{Callers, Load};
use crate::outcome::{Figure, Outcome};
use crate::traffic::Traffic;
use crate::usage;

/// Connections: as many as there are proxies at a busy replica.
const CONNECTIONS: usize = 2_000;
/// Connections beside which they are measured, and calls that are under way on them.
const FEW: usize = 8;
/// Calls on each connection, so that it has all that a used one has.
const CALLS: usize = 3;
/// Rules.
const RULES: usize = 50_000;

/// Connections, then rules.
pub(super) async fn run(bench: &Bench, outcome: &mut Outcome) -> anyhow::Result<()> {
    connections(bench, outcome).await?;
    let (few, many) = (idle_with(bench, 10).await?, idle_with(bench, RULES).await?);
    outcome.figures.push(figure("memory of a rule", (many.0 - few.0) * 1024.0 / (RULES - 10) as f64, "KiB"));
    outcome.figures.push(figure(
        &format!("loading {RULES} rules (ready later than with ten)"),
        many.1 - few.1,
        "s",
    ));
    Ok(())
}

async fn connections(bench: &Bench, outcome: &mut Outcome) -> anyhow::Result<()> {
    let folder = bench.path("growth-connections");
    let mut deployment = Deployment::start(&bench.ours(), &policy(), None, &folder).await?;
    let pids = deployment.pids()?;
    let pid = *pids.first().context("a deployment has a server")?;
    let callers = |connections| Callers { callers: connections, connections };
    let few = Load::connect(deployment.port, callers(FEW), Traffic::check()).await?;
    few.run_for(bench.options.time()).await?;
    let before = usage::resident_mib(pid)?;
    let many = Load::connect(deployment.port, callers(CONNECTIONS), Traffic::check()).await?;
    many.run_calls((CONNECTIONS * CALLS) as u64).await?;
    let each = (usage::resident_mib(pid)? - before) * 1024.0 / CONNECTIONS as f64;
    outcome.figures.push(figure("memory of a connection", each, "KiB"));
    // In turn, as a machine that others use needs it; the least disturbed round counts.
    let mut costs = [f64::INFINITY; 2];
    for _ in 0..bench.options.rounds {
        for (cost, load) in costs.iter_mut().zip([&few, &many]) {
            *cost = cost.min(load.measure(bench.options.time(), &pids).await?.cpu_per_bag());
        }
    }
    for (cost, count) in costs.into_iter().zip([FEW, CONNECTIONS]) {
        let name = format!("check, {count} connections with a call each under way");
        outcome.figures.push(figure(&name, cost, "µs"));
    }
    Ok(())
}

/// Resident memory in MiB and seconds until it was ready, of a server with so many rules and nothing to do.
async fn idle_with(bench: &Bench, count: usize) -> anyhow::Result<(f64, f64)> {
    let folder = bench.path(&format!("growth-rules-{count}"));
    let mut deployment = Deployment::start(&bench.ours(), &rules(0..count), None, &folder).await?;
    let pid = *deployment.pids()?.first().context("a deployment has a server")?;
    Ok((usage::resident_mib(pid)?, deployment.ready_after.as_secs_f64()))
}

fn figure(name: &str, value: f64, unit: &'static str) -> Figure {
    Figure { name: name.to_owned(), value, unit, target: None }
}
