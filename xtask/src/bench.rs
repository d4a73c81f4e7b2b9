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
    run(build.args([
        "-p",
        "mixs",
        "-p",
        "mixer-prometheus-adapter",
        "-p",
        "mixer-newrelic-adapter",
        "-p",
        "mixer-bench",
    ]))?;
    run(Command::new(root.join("target/release/mixer-bench")).args(&args.bench))
}
