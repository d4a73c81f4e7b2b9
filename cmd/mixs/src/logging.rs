//! Sets up the log: levels by scope, text or JSON, and where it goes.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::flags::{Level, LogFlags, LogTarget, ScopeLevels};

/// Which lines belong to a scope of the original: prefixes of log targets, which are module paths.
fn targets_of(scope: &str) -> Option<&'static [&'static str]> {
    Some(match scope {
        "adapters" => &[
            "adapters",
            "mixer_adapter_sdk",
            "mixer_denier_adapter",
            "mixer_dogstatsd_adapter",
            "mixer_list_adapter",
            "mixer_memquota_adapter",
            "mixer_newrelic_adapter",
            "mixer_noop_adapter",
            "mixer_otlp_adapter",
            "mixer_prometheus_adapter",
            "mixer_stackdriver_adapter",
            "mixer_statsd_adapter",
            "mixer_stdio_adapter",
        ],
        "api" => &["mixer_server::mixer_api", "mixer_server::envoy"],
        "attributes" => &["mixer_wire", "mixer_attribute"],
        "grpcAdapter" => &["mixer_dispatch::handler"],
        "loadshedding" => &["loadshedding"],
        // Scopes of parts that are not here.
        "kube-converter" | "mcp" | "meshconfig" => &[],
        _ => return None,
    })
}

/// Starts the log of this process. Returns what the log should say first: flags without effect.
///
/// # Errors
/// A file cannot be opened.
pub(crate) fn start(flags: &LogFlags) -> anyhow::Result<Vec<String>> {
    let mut warnings = Vec::new();
    let filter = filter(&flags.log_output_level, &mut warnings);
    let ignored = flags.ignored();
    if !ignored.is_empty() {
        warnings.push(format!("flags without effect: {}", ignored.join(", ")));
    }
    let writer = Writer::open(flags)?;
    let caller = !flags.log_caller.is_empty();
    let layer =
        tracing_subscriber::fmt::layer().with_file(caller).with_line_number(caller).with_writer(writer);
    let layer = if flags.log_as_json {
        layer.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    } else {
        layer.with_ansi(false).boxed()
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
    Ok(warnings)
}

fn filter(levels: &ScopeLevels, warnings: &mut Vec<String>) -> Targets {
    let mut targets = Targets::new().with_default(LevelFilter::INFO);
    for (scope, level) in &levels.0 {
        let level = level_filter(*level);
        match targets_of(scope) {
            Some(prefixes) => {
                targets = prefixes.iter().fold(targets, |all, prefix| all.with_target(*prefix, level))
            }
            None if scope == "default" || scope == "all" => targets = targets.with_default(level),
            None => warnings.push(format!("--log_output_level: there is no scope {scope}")),
        }
    }
    targets
}

fn level_filter(level: Level) -> LevelFilter {
    match level {
        Level::None => LevelFilter::OFF,
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    }
}

/// Writes each line to every target, in the same order.
#[derive(Clone)]
struct Writer(Arc<Mutex<Vec<Box<dyn Write + Send>>>>);

impl Writer {
    fn open(flags: &LogFlags) -> anyhow::Result<Self> {
        let rotated = flags.log_rotate.clone().map(LogTarget::File);
        let targets = flags.log_target.iter().cloned().chain(rotated);
        let targets: anyhow::Result<_> = targets.map(|target| open(&target)).collect();
        Ok(Self(Arc::new(Mutex::new(targets?))))
    }

    fn each(&self, write: impl Fn(&mut (dyn Write + Send)) -> io::Result<()>) {
        for target in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            // One target that fails must not keep the line from the others.
            let _ = write(&mut **target);
        }
    }
}

fn open(target: &LogTarget) -> anyhow::Result<Box<dyn Write + Send>> {
    Ok(match target {
        LogTarget::Stderr => Box::new(io::stderr()),
        LogTarget::Stdout => Box::new(io::stdout()),
        LogTarget::File(path) => {
            let file = OpenOptions::new().append(true).create(true).open(path);
            Box::new(file.with_context(|| format!("cannot open the log file {}", path.display()))?)
        }
    })
}

impl Write for Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.each(|target| target.write_all(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.each(|target| target.flush());
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests;
