//! Writes what a command makes, with the head that says how it was made.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::make::Make;
use crate::record;

/// Runs a command; without a file its text goes to standard output, as if for a file of the working directory.
pub(crate) fn write(make: &dyn Make, output: Option<PathBuf>) -> anyhow::Result<()> {
    let text = make.text(Path::new(""))?;
    let directory = output.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    if !directory.as_os_str().is_empty() && !directory.is_dir() {
        let path = output.unwrap_or_default();
        anyhow::bail!("cannot write to output file '{}': its directory does not exist", path.display());
    }
    let command = record::command_line(&make.arguments(directory)?)?;
    let text = make.framed(&text, &command);
    match output {
        Some(path) => fs::write(&path, text)
            .with_context(|| format!("cannot write to output file '{}'", path.display())),
        None => std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output"),
    }
}
