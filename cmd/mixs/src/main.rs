//! The Mixer server.
fn main() {}
