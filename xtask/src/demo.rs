//! Builds the programs and runs the demo: two HTTP backends, stock Envoy, `mixs`, the Prometheus adapter as its own
//! process, Debian's Prometheus and a bounded load, with the numbers compared.

use std::path::Path;
use std::process::Command;

use crate::tools::{self, run};

/// Options of `demo`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Build without optimisation, as the tests do.
    #[arg(long)]
    debug: bool,
    /// Arguments of the demo itself, such as `--keep`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    demo: Vec<String>,
}

pub(crate) fn run_task(root: &Path, args: &Args) -> anyhow::Result<()> {
    let tools = tools::install(root)?;
    let profile = if args.debug { "dev" } else { "release" };
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(root).args(["build", "--profile", profile]);
    run(build.args(["-p", "mixs", "-p", "mixer-prometheus-adapter", "-p", "mixer-demo"]))?;
    let bin = root.join("target").join(if args.debug { "debug" } else { "release" });
    run(Command::new(bin.join("mixer-demo")).args(&args.demo).envs(tools.env()))
}
