//! Project tasks: gen, tidy, test, bench, demo.
fn main() {}
