//! Checks what the compiler does not: the arrows between packages, file sizes and openings, one TLS stack and one
//! YAML parser, links of the documents. Every finding is printed; one finding fails the task.

mod arrows;
mod files;
mod links;

use std::path::Path;

/// Options of `tidy`.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// One thing that is not as the house wants it.
pub(crate) struct Finding {
    place: String,
    message: String,
}

impl Finding {
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

#[expect(clippy::print_stdout, reason = "a task's findings are its output")]
pub(crate) fn run(root: &Path, _args: &Args) -> anyhow::Result<()> {
    let mut findings = arrows::check(root)?;
    findings.extend(files::check(root)?);
    findings.extend(links::check(root)?);
    for finding in &findings {
        println!("{}: {}", finding.place, finding.message);
    }
    anyhow::ensure!(findings.is_empty(), "{} findings", findings.len());
    println!("tidy: arrows, files and links are in order");
    Ok(())
}
