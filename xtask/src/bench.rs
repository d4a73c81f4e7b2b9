//! Builds everything optimised and runs the benchmark: ours beside a bare tonic echo of the same bytes, in one run,
//! because only ratios of one run mean anything on a shared machine.

use std::path::Path;
use std::process::Command;

use crate::tools::run;

/// Options of `bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Arguments of the benchmark itself, such as the name of a workload.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    bench: Vec<String>,
}

pub(crate) fn run_task(root: &Path, args: &Args) -> anyhow::Result<()> {
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(root).args(["build", "--release"]);
    let adapters = ["dogstatsd", "newrelic", "otlp", "prometheus", "stackdriver", "statsd"];
    let adapters = adapters.map(|adapter| format!("mixer-{adapter}-adapter"));
    for package in ["mixs", "mixer-bench"].into_iter().chain(adapters.iter().map(String::as_str)) {
        build.args(["-p", package]);
    }
    run(&mut build)?;
    run(Command::new(root.join("target/release/mixer-bench")).args(&args.bench))
}
