//! The denier adapter as a process of its own.

use std::process::ExitCode;

use mixer_adapter_sdk::Process;

fn main() -> ExitCode {
    Process::new(mixer_denier_adapter::adapter())
        .version(env!("CARGO_PKG_VERSION"))
        .default_port(9072)
        .example_params(include_str!("../example.yaml"))
        .main()
}
