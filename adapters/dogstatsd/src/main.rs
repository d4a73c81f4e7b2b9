//! The dogstatsd adapter as a process of its own.

fn main() -> std::process::ExitCode {
    mixer_dogstatsd_adapter::process().main()
}
