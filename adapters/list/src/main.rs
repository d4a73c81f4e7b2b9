//! The list adapter as a process of its own.

fn main() -> std::process::ExitCode {
    mixer_list_adapter::process().main()
}
