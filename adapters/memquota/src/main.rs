//! The memquota adapter as a process of its own.

use std::process::ExitCode;

use mixer_adapter_sdk::Process;

fn main() -> ExitCode {
    // The adapter recognizes repeated calls itself, for as long as its configuration says.
    Process::new(mixer_memquota_adapter::adapter())
        .version(env!("CARGO_PKG_VERSION"))
        .default_port(9074)
        .example_params(include_str!("../example.yaml"))
        .without_replay("quota")
        .main()
}
