//! The denier adapter as a process of its own.

fn main() -> std::process::ExitCode {
    mixer_denier_adapter::process().main()
}
