//! `mixs expr`: tries expressions, one by one or as a filter that answers JSON lines.

mod batch;
mod encode;
mod given;
mod lines;
mod once;
mod vocabulary;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::flags::Compat;

/// Tries expressions.
#[derive(Args, Debug)]
pub(crate) struct ExprArgs {
    #[command(subcommand)]
    command: ExprCommand,
}

#[derive(Subcommand, Debug)]
enum ExprCommand {
    /// Evaluates one expression against attributes given by flags.
    Eval(Box<once::EvalArgs>),
    /// Answers JSON lines from standard input.
    ///
    /// A line is {"expr": TEXT, "manifest": {NAME: TYPE, …}, "input": {NAME: {KIND: VALUE}, …}}; KIND is one of
    /// string, int64, double, bool, timestamp, ip, bytes, duration_ns and string_map. Without a manifest the
    /// attributes have the types of their values. Each line is answered by one line with type, result or error,
    /// and referenced, or with compile_error.
    Batch(batch::BatchArgs),
}

/// Runs the command.
pub(crate) fn run(args: ExprArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        ExprCommand::Eval(args) => once::run(&args),
        ExprCommand::Batch(args) => batch::run(&args),
    }
}

/// The options of the language.
fn options(compat: Option<Compat>) -> mixer_expr::Options {
    mixer_expr::Options { compat: compat.is_some() }
}
