//! How long it takes to take in a report.

fn main() {
    divan::main();
}
