//! `mixs validate`: says what is wrong with configuration files, by the server's own reading and compiling.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use mixer_adapter_api::Registry;
use mixer_config::{
    CompileOptions, Location, Problem, RawResource, ReadOptions, Severity, compile, parse_documents,
};
use mixer_config_fs::FsSource;

use crate::flags::Compat;

/// Checks configuration without running it.
///
/// Prints every problem as file:line:column, severity, resource, field and text, then how many there are. The exit
/// code is 1 when there is an error.
#[derive(Args, Debug)]
pub(crate) struct ValidateArgs {
    /// Files and directories that belong together; - is standard input.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Namespace whose rules apply to every request.
    #[arg(long = "configDefaultNamespace", default_value = "istio-system")]
    default_namespace: String,
    /// Decide as the original does where ours differs by design.
    #[arg(long)]
    compat: Option<Compat>,
}

/// Checks what the arguments name.
///
/// # Errors
/// Standard input cannot be read, or standard output cannot be written.
pub(crate) fn run(args: &ValidateArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    let mut found = Found::default();
    for path in &args.paths {
        if path.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
            found.text("<stdin>", &text);
        } else {
            found.path(path);
        }
    }
    let options = CompileOptions {
        default_namespace: args.default_namespace.as_str().into(),
        compat: args.compat.is_some(),
        ..CompileOptions::default()
    };
    let (text, errors) = found.report(registry, &options);
    std::io::stdout().write_all(text.as_bytes()).context("cannot write the problems")?;
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that was read.
#[derive(Default)]
struct Found {
    files: usize,
    resources: Vec<RawResource>,
    problems: Vec<Problem>,
    seen: Vec<PathBuf>,
}

impl Found {
    fn text(&mut self, name: &str, text: &str) {
        let (resources, problems) = parse_documents(name, text, &ReadOptions::default());
        self.files += 1;
        self.resources.extend(resources);
        self.problems.extend(problems);
    }

    /// Reads a file or directory, unless it is part of one that was read before.
    fn path(&mut self, path: &Path) {
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if self.seen.iter().any(|seen| whole.starts_with(seen)) {
            return;
        }
        self.seen.push(whole);
        match FsSource::new(path).read() {
            Ok(content) => {
                self.files += content.files;
                self.resources.extend(content.resources);
                self.problems.extend(content.problems);
            }
            Err(unavailable) => {
                let file: Arc<str> = path.display().to_string().into();
                let location = Location { file, line: 0, column: 0 };
                self.problems.push(Problem::in_file(Severity::Error, location, unavailable.reason));
            }
        }
    }

    /// The problems and the summary, and how many errors there are.
    fn report(mut self, registry: &Registry, options: &CompileOptions) -> (String, usize) {
        self.problems.extend(compile(&self.resources, registry, options).problems);
        self.problems.sort_by(Problem::order);
        let mut text: String = self.problems.iter().map(|problem| format!("{problem}\n")).collect();
        let count = |severity| self.problems.iter().filter(|problem| problem.severity == severity).count();
        let errors = count(Severity::Error);
        text.push_str(&format!(
            "{}, {}: {}, {}, {}\n",
            number(self.files, "file"),
            number(self.resources.len(), "resource"),
            number(errors, "error"),
            number(count(Severity::Warning), "warning"),
            number(count(Severity::Info), "note"),
        ));
        (text, errors)
    }
}

fn number(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
