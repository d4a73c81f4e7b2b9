//! The stackdriver adapter as a process of its own.

fn main() -> std::process::ExitCode {
    mixer_stackdriver_adapter::process().main()
}
