//! The Mixer test client.
fn main() {}
