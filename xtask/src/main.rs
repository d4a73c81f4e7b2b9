//! Project tasks, run as `cargo xtask NAME`; each sub-command is a module of its own.

mod bench;
mod demo;
mod r#gen;
mod image;
mod test;
mod tidy;
mod tools;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Parser, Subcommand};

/// Tasks of the project.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Make the checked-in files that are derived from other files.
    Gen(r#gen::Args),
    /// Check arrows between packages, file sizes and openings, and links of the documents.
    Tidy(tidy::Args),
    /// Install the real counterparts and run every test.
    Test(test::Args),
    /// Build container images of programs, with a list of what is in them.
    Image(image::Args),
    /// Run the whole system once, on the traffic of a real Envoy, and compare the numbers.
    Demo(demo::Args),
    /// Measure ours beside a bare gRPC echo of the same bytes.
    Bench(bench::Args),
}

fn main() -> anyhow::Result<()> {
    let root = workspace_root()?;
    match Cli::parse().task {
        Task::Gen(args) => r#gen::run(&root, &args),
        Task::Tidy(args) => tidy::run(&root, &args),
        Task::Test(args) => test::run_task(&root, &args),
        Task::Image(args) => image::run_task(&root, &args),
        Task::Demo(args) => demo::run_task(&root, &args),
        Task::Bench(args) => bench::run_task(&root, &args),
    }
}

/// The directory that holds the workspace's `Cargo.toml`, from wherever the task is run.
fn workspace_root() -> anyhow::Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .context("the package xtask has no parent directory")
}
