//! `mixc` calls a running Mixer: once, to see what it answers, or many times, to put load on it.

mod args;
mod connect;
mod limiter;
mod output;
mod plan;
mod reply;
mod run;
mod summary;
mod tls;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use mixer_cli::BuildFacts;

use crate::args::{Cli, Command};
use crate::plan::Plan;

const fn or_unknown(fact: Option<&'static str>) -> &'static str {
    match fact {
        Some(fact) => fact,
        None => "unknown",
    }
}

/// Facts that packagers set with environment variables at compile time.
const BUILD: BuildFacts = BuildFacts {
    version: env!("CARGO_PKG_VERSION"),
    revision: or_unknown(option_env!("MIXER_REVISION")),
    hub: or_unknown(option_env!("MIXER_HUB")),
    tag: match option_env!("MIXER_TAG") {
        Some(tag) => tag,
        None => env!("CARGO_PKG_VERSION"),
    },
    status: or_unknown(option_env!("MIXER_STATUS")),
};

/// 0 only when everything went well, every call included; 1 otherwise.
fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done when the terminal is gone.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match start(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// True when every call succeeded.
fn start(cli: &Cli) -> anyhow::Result<bool> {
    let plan = match &cli.command {
        Command::Check(args) => Plan::check(args)?,
        Command::Report(args) => Plan::report(args)?,
        Command::Version(args) => {
            writeln!(std::io::stdout(), "{}", args.text("mixc", &BUILD))?;
            return Ok(true);
        }
    };
    run::run(plan)
}
