//! The newrelic adapter as a process of its own.

fn main() -> std::process::ExitCode {
    mixer_newrelic_adapter::process().main()
}
