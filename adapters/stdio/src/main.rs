//! The stdio adapter as a process of its own.

fn main() -> std::process::ExitCode {
    mixer_stdio_adapter::process().main()
}
