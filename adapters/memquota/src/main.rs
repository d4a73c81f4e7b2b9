//! The memquota adapter as a process of its own.

fn main() -> std::process::ExitCode {
    mixer_memquota_adapter::process().main()
}
