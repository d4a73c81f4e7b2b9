//! The noop adapter as a process of its own.

fn main() -> std::process::ExitCode {
    mixer_noop_adapter::process().main()
}
