//! The workloads, by name.

mod check;
mod deliver;
mod growth;
mod memory;
mod receive;
mod report;
mod rules;

use clap::ValueEnum;

use crate::bench::Bench;
use crate::newrelic::messages::Kind;
use crate::outcome::Outcome;

/// A workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// One bag a call, metrics in the server.
    #[value(name = "report-1-hosted")]
    Report1Hosted,
    /// One bag a call, metrics in an adapter of its own.
    #[value(name = "report-1-grpc")]
    Report1Grpc,
    /// 100 bags a call, metrics in the server.
    #[value(name = "report-100-hosted")]
    Report100Hosted,
    /// 100 bags a call, metrics in an adapter of its own.
    #[value(name = "report-100-grpc")]
    Report100Grpc,
    /// One look into a list.
    Check,
    /// The same, and one quota.
    CheckQuota,
    /// Samples to each adapter that pushes.
    #[value(name = "receive")]
    Receive,
    /// Samples through the New Relic adapter.
    #[value(name = "deliver-metrics")]
    DeliverMetrics,
    /// Spans through the New Relic adapter.
    #[value(name = "deliver-spans")]
    DeliverSpans,
    /// Log entries through the New Relic adapter.
    #[value(name = "deliver-logs")]
    DeliverLogs,
    /// 10,000 rules beside ten.
    Rules,
    /// Resident memory.
    Memory,
    /// What more connections and rules cost.
    Growth,
}

/// Runs the workloads that are wanted, one after the other.
///
/// # Errors
/// A server does not start, or answers wrongly.
pub(crate) async fn run(bench: &Bench, progress: impl Fn(&str)) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for workload in Workload::value_variants().iter().filter(|workload| bench.options.wants(**workload)) {
        if let Some(value) = workload.to_possible_value() {
            progress(value.get_name());
        }
        match workload {
            Workload::Report1Hosted => outcome.rows.push(report::hosted(bench, 1, 1.6).await?),
            Workload::Report100Hosted => outcome.rows.push(report::hosted(bench, 100, 0.2).await?),
            Workload::Report1Grpc => outcome.rows.push(report::grpc(bench).await?),
            Workload::Report100Grpc => outcome.rows.push(report::grpc_batch(bench).await?),
            Workload::Check => outcome.rows.push(check::run(bench, false).await?),
            Workload::CheckQuota => outcome.rows.push(check::run(bench, true).await?),
            Workload::Receive => outcome.rows.extend(receive::run(bench).await?),
            Workload::DeliverMetrics => outcome.rows.extend(deliver::run(bench, Kind::Metrics).await?),
            Workload::DeliverSpans => outcome.rows.extend(deliver::run(bench, Kind::Spans).await?),
            Workload::DeliverLogs => outcome.rows.extend(deliver::run(bench, Kind::Logs).await?),
            Workload::Rules => rules::run(bench, &mut outcome).await?,
            Workload::Memory => memory::run(bench, &mut outcome).await?,
            Workload::Growth => growth::run(bench, &mut outcome).await?,
        }
    }
    Ok(outcome)
}
