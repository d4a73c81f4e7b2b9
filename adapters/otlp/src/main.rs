//! The otlp adapter as a process of its own.

fn main() -> std::process::ExitCode {
    mixer_otlp_adapter::process().main()
}
