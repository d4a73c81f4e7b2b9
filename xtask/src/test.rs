//! Every test of the project: units, documentation examples, and the end-to-end runs against real counterparts,
//! which are installed first.

use std::path::Path;
use std::process::Command;

use crate::image;
use crate::tools::{self, run};

/// Options of `test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Play the Kubernetes tests on the cluster that KUBECONFIG names, too: definitions are applied, and a namespace is
    /// made and deleted. MIXER_CLUSTER_ADDRESS is where its API server reaches this machine, for the webhook.
    #[arg(long)]
    cluster: bool,
    /// Arguments for `cargo test`, such as a filter.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    cargo: Vec<String>,
}

pub(crate) fn run_task(root: &Path, args: &Args) -> anyhow::Result<()> {
    let tools = tools::install(root)?;
    let python = tools::python_packages(root)?;
    // Before the next build replaces the program that runs here, by whose path tests start it.
    let images = image::for_tests(root)?;
    // Binaries that tests start must exist before the tests run.
    run(cargo(root).args(["build", "--workspace", "--bins"]))?;
    let mut test = cargo(root);
    test.args(["test", "--workspace"]).args(&args.cargo).envs(tools.env());
    test.envs(tools::vendors(root)?)
        .envs(tools::kubernetes(root)?)
        .envs(images)
        .env("MIXER_STATSD", tools::statsd(root)?)
        .env("MIXER_IP", tools::ip()?)
        .env("MIXER_ROTEL", tools::rotel(root)?);
    if args.cluster {
        anyhow::ensure!(
            std::env::var_os("KUBECONFIG").is_some(),
            "--cluster needs KUBECONFIG to name a cluster"
        );
        test.env("MIXER_CLUSTER", "1");
    }
    run(test.env("MIXER_PYTHONPATH", python).env("MIXER_REAL", "1"))
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root);
    command
}
