//! `mixgen check`: whether generated files are what their sources make, and whether golden cases hold.

mod files;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Parser as _;
use mixer_codegen::{GoldenCases, Protos, compile_template};

use crate::make::{Imports, Make};
use crate::{Cli, Command, record};

/// Name of a file with golden cases; its template is the `template.proto` beside it.
pub(crate) const GOLDEN: &str = "golden.yaml";

/// Checks that generated files are what their sources make, and that golden cases hold.
///
/// A generated file says how it was made: YAML and .proto files in their first two lines, a Markdown file in a comment
/// before each generated part (<!-- mixgen doc template.proto -->, up to <!-- mixgen end -->). The check runs that
/// command again, with paths relative to the directory of the file, and compares. Files that say nothing of the kind
/// are no business of mixgen, unless they are named on the command line.
///
/// A file golden.yaml is checked by running its cases against the template.proto beside it.
///
/// Every stale file and every case that does not hold is named; the exit code is then 1.
#[derive(clap::Args, Debug)]
pub(crate) struct CheckArgs {
    /// Files and directories; directories are searched, hidden ones and build output left out.
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Make stale files again instead of naming them.
    #[arg(long)]
    write: bool,
    #[command(flatten)]
    imports: Imports,
}

/// What is made again may be what another file is made from; a row of more steps than this has to be a circle.
const MOST_ROUNDS: usize = 16;

pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let mut written = Vec::new();
    for _ in 0..MOST_ROUNDS {
        let mut round =
            Round { write: args.write, protos: args.imports.protos(Path::new("")), ..Round::default() };
        for file in files::find(&args.paths)? {
            round.file(&file)?;
        }
        if round.written.is_empty() {
            return round.finish(&written);
        }
        written.append(&mut round.written);
    }
    bail!("these files are made from each other in a circle: {}", written.join(", "))
}

/// One look at every file.
#[derive(Default)]
struct Round {
    write: bool,
    /// For golden cases; recorded commands say themselves where imports are.
    protos: Protos,
    /// Generated files and parts of files.
    generated: usize,
    cases: usize,
    /// What was made again.
    written: Vec<String>,
    findings: Vec<String>,
}

impl Round {
    fn file(&mut self, file: &files::Found) -> anyhow::Result<()> {
        let path = &file.path;
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let found = self.generated + self.cases;
        if path.file_name().is_some_and(|name| name == GOLDEN) {
            self.golden(path, &text);
            return Ok(());
        }
        let made = match path.extension().is_some_and(|extension| extension == "md") {
            true => self.parts(path, &text),
            false => record::command_of(&text).and_then(|command| self.make(path, command)),
        };
        if file.named && found == self.generated + self.cases {
            self.findings.push(format!("{}: does not say that mixgen made it", path.display()));
        }
        if let Some(made) = made.filter(|made| *made != text) {
            self.stale(path, &made)?;
        }
        Ok(())
    }

    /// The text that a file ought to have.
    fn make(&mut self, path: &Path, command: &str) -> Option<String> {
        self.generated += 1;
        again(path, command).map_err(|error| self.find(path, &format!("`{command}` fails: {error:#}"))).ok()
    }

    /// The text of a Markdown file with every generated part made again.
    fn parts(&mut self, path: &Path, text: &str) -> Option<String> {
        let mut made = text.to_owned();
        for block in record::blocks(text) {
            if let Some(part) = self.make(path, &format!("mixgen {}", block.command)) {
                made = made.replacen(block.text, part.trim_end(), 1);
            }
        }
        Some(made)
    }

    fn stale(&mut self, path: &Path, made: &str) -> anyhow::Result<()> {
        if self.write {
            fs::write(path, made).with_context(|| format!("cannot write {}", path.display()))?;
            self.written.push(path.display().to_string());
        } else {
            self.find(path, "is stale: its sources make something else; run `mixgen check --write` on it");
        }
        Ok(())
    }

    fn golden(&mut self, path: &Path, text: &str) {
        let run = || -> anyhow::Result<(usize, Vec<String>)> {
            let cases = GoldenCases::parse(text)?;
            let compiled = compile_template(&self.protos, &path.with_file_name("template.proto"))?;
            Ok((cases.len(), cases.run(&compiled.template)))
        };
        match run() {
            Ok((count, failures)) => {
                self.cases += count;
                for failure in failures {
                    self.find(path, &failure);
                }
            }
            Err(error) => self.find(path, &format!("{error:#}")),
        }
    }

    fn find(&mut self, path: &Path, text: &str) {
        self.findings.push(format!("{}: {text}", path.display()));
    }

    fn finish(self, written: &[String]) -> anyhow::Result<()> {
        let mut out = std::io::stdout();
        for path in written {
            writeln!(out, "wrote {path}")?;
        }
        if !self.findings.is_empty() {
            bail!("{}", self.findings.join("\n"));
        }
        if self.generated + self.cases == 0 {
            bail!("nothing to check: no file there says that mixgen made it, and there are no golden cases");
        }
        writeln!(out, "{} generated files are up to date, {} golden cases hold", self.generated, self.cases)?;
        Ok(())
    }
}

/// Runs a recorded command for the file that it made.
fn again(path: &Path, command: &str) -> anyhow::Result<String> {
    let words = shlex::split(command).context("its quotes do not match")?;
    let cli = Cli::try_parse_from(&words).map_err(|error| {
        // The first line says what is wrong; the rest is help for a terminal.
        let text = error.to_string();
        anyhow::anyhow!(
            "{}",
            text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
        )
    })?;
    let make: &dyn Make = match &cli.command {
        Command::Template(args) => args,
        Command::Adapter(args) => args,
        Command::Api(args) => args,
        Command::Doc(args) => args,
        Command::Deploy(args) => args.as_ref(),
        Command::New(_) | Command::Check(_) | Command::Conform(_) | Command::Version(_) => {
            bail!("it is no command that makes one file")
        }
    };
    let text = make.text(path.parent().unwrap_or(Path::new("")))?;
    Ok(make.framed(&text, command))
}
