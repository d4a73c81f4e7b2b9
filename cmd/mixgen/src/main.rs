//! `mixgen` makes what templates and adapters need from their `.proto` files, and examines adapters.

mod check;
mod conform;
mod deploy;
mod doc;
mod make;
mod new;
mod output;
mod record;
mod words;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mixer_cli::{BuildFacts, VersionArgs};

use crate::make::{AdapterArgs, ApiArgs, TemplateArgs};

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

/// Makes what templates and adapters need from their .proto files: handler services, Kubernetes resources,
/// references. Examines adapters that run.
///
/// It reads .proto files and descriptor sets; neither protoc nor a source tree is needed.
#[derive(Parser, Debug)]
#[command(name = "mixgen", version = BUILD.version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What each command is for stands with its flags.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Template(TemplateArgs),
    Adapter(AdapterArgs),
    Api(ApiArgs),
    Doc(doc::DocArgs),
    New(new::NewArgs),
    Check(check::CheckArgs),
    Conform(conform::ConformArgs),
    Deploy(Box<deploy::DeployArgs>),
    /// Prints the version.
    Version(VersionArgs),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done when the terminal is gone.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Template(args) => output::write(args, args.output()),
        Command::Adapter(args) => {
            args.warn();
            output::write(args, args.output())
        }
        Command::Api(args) => {
            args.check()?;
            output::write(args, args.output())
        }
        Command::Doc(args) => output::write(args, args.output()),
        Command::New(args) => new::run(args),
        Command::Check(args) => check::run(args),
        Command::Conform(args) => conform::run(args),
        Command::Deploy(args) => deploy::run(args),
        Command::Version(args) => {
            writeln!(std::io::stdout(), "{}", args.text("mixgen", &BUILD))?;
            Ok(())
        }
    }
}
