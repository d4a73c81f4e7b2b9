//! Project tasks, run as `cargo xtask NAME`; each sub-command is a module of its own.

mod r#gen;

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
}

fn main() -> anyhow::Result<()> {
    let root = workspace_root()?;
    match Cli::parse().task {
        Task::Gen(args) => r#gen::run(&root, &args),
    }
}

/// The directory that holds the workspace's `Cargo.toml`, from wherever the task is run.
fn workspace_root() -> anyhow::Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .context("the package xtask has no parent directory")
}
