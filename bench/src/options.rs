//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::load::Callers;
use crate::workloads::Workload;

/// Options of a run.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Options {
    /// Only these workloads.
    #[arg(long, value_enum, num_args = 1.., value_name = "NAME")]
    pub(crate) only: Vec<Workload>,
    /// How long each side of a comparison is measured at a time.
    #[arg(long, default_value_t = 3.0, value_parser = positive)]
    pub(crate) seconds: f64,
    /// How often; the sides take turns.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Calls in flight.
    #[arg(long, default_value_t = 8, value_parser = at_least_one)]
    pub(crate) callers: usize,
    /// Connections that the callers share.
    #[arg(long, default_value_t = 1, value_parser = at_least_one)]
    pub(crate) connections: usize,
    /// Worker threads of the echo server; as many as mixs has by itself.
    #[arg(long, default_value_t = threads(), value_parser = at_least_one)]
    pub(crate) threads: usize,
    /// Bags that the memory workload reports.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) memory_bags: u64,
    /// JSON on standard output; the table goes to standard error.
    #[arg(long)]
    pub(crate) json: bool,
    /// An existing empty folder for configurations and logs, which stay there.
    #[arg(long)]
    pub(crate) folder: Option<PathBuf>,
    /// The mixs of Istio 1.3, built elsewhere: measured in turn with ours. Its Prometheus port is always 42422.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) original: Option<PathBuf>,
    /// The sample Prometheus adapter of Istio 1.3, for the workloads with an adapter of its own.
    #[arg(long, value_name = "PROGRAM", requires = "original")]
    pub(crate) original_adapter: Option<PathBuf>,
}

impl Options {
    /// How long each side is measured at a time.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// Who calls.
    pub(crate) fn callers(&self) -> Callers {
        Callers { callers: self.callers, connections: self.connections }
    }

    /// Whether a workload is wanted.
    pub(crate) fn wants(&self, workload: Workload) -> bool {
        self.only.is_empty() || self.only.contains(&workload)
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn positive(text: &str) -> Result<f64, String> {
    let seconds = text.parse().map_err(|error| format!("{error}"))?;
    if (0.01..=3600.0).contains(&seconds) { Ok(seconds) } else { Err("0.01 to 3600 is possible".to_owned()) }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|error| format!("{error}"))?;
    if number > 0 { Ok(number) } else { Err("at least 1 is needed".to_owned()) }
}
