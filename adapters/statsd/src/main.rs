//! The statsd adapter as a process of its own.

fn main() -> std::process::ExitCode {
    mixer_statsd_adapter::process().main()
}
