//! The newrelic adapter as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    mixer_newrelic_adapter::Args::from_process().main()
}
