//! The Mixer server, and the tools around it.

mod expr;
mod flags;
mod kube;
mod logging;
mod plan;
mod probe;
mod serve;
mod validate;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mixer_cli::{BuildFacts, VersionArgs};
use mixer_server::version::{BUILD, BuildInfo};

use crate::flags::{LogFlags, ServerFlags};

/// Mixer: decides on requests and collects telemetry for Envoy and Istio proxies.
///
/// Without a command the server starts with its built-in configuration.
#[derive(Parser, Debug)]
#[command(name = "mixs", version = BUILD.version, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    log: LogFlags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Starts the server.
    Server(Box<ServerFlags>),
    /// Checks configuration files without running them; exits with 1 when there is an error.
    Validate(validate::ValidateArgs),
    /// Asks a running server whether it is well; exits with 0 if so.
    Probe(probe::ProbeArgs),
    /// Tries expressions of rules and instances.
    Expr(expr::ExprArgs),
    /// Prints the definitions of the six kinds for Kubernetes: mixs crd | kubectl apply -f -
    Crd,
    /// Prints the version.
    Version(VersionArgs),
}

/// The flags of `mixs` without a command: all defaults.
#[derive(Parser, Debug)]
struct Defaults {
    #[command(flatten)]
    server: ServerFlags,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            // The log may not be there yet, or go elsewhere; nothing can be done when standard error is closed.
            let _ = writeln!(std::io::stderr(), "mixs: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let command = match cli.command {
        Some(command) => command,
        None => Command::Server(Box::new(Defaults::try_parse_from(["mixs"])?.server)),
    };
    match command {
        Command::Server(flags) => serve::run(*flags, &cli.log),
        Command::Validate(args) => {
            // Nothing is built of these adapters, so nothing listens.
            let prometheus_address = ([127, 0, 0, 1], 0).into();
            validate::run(&args, &mixer_adapters::registry(mixer_adapters::Options { prometheus_address }))
        }
        Command::Probe(args) => probe::run(args),
        Command::Expr(args) => expr::run(args),
        Command::Crd => kube::print_definitions(),
        Command::Version(args) => version(&args),
    }
}

fn version(args: &VersionArgs) -> anyhow::Result<ExitCode> {
    let BuildInfo { version, revision, hub, tag, status } = BUILD;
    let facts = BuildFacts { version, revision, hub, tag, status };
    writeln!(std::io::stdout(), "{}", args.text("mixs", &facts))?;
    Ok(ExitCode::SUCCESS)
}
