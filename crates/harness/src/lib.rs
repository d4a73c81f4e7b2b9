//! Real processes on loopback, for the demo, the benchmark and end-to-end tests: start a program with its output in a
//! file, wait until it answers, and never leave it behind.

mod http;
mod ports;
mod process;
mod real;
mod rotel;
mod statsd;

pub use http::{HttpClient, client, get, sum_samples, wait_ok};
pub use ports::free_ports;
pub use process::Process;
pub use real::{REAL, real_folder, real_program};
pub use rotel::{Rotel, rotel};
pub use statsd::{Printed, StatsdServer};
