//! The front doors, the admin port and the wiring of the server.

pub mod admin;
pub mod listen;
mod log_gate;
pub mod probe_file;
pub mod readiness;
pub mod shedding;
pub mod version;
