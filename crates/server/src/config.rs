//! Keeps the running configuration in step with its source: compile aside, swap whole, say what is wrong once.

mod changes;
mod metrics;

pub(crate) use metrics::ConfigMetrics;

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use mixer_adapter_api::Registry;
use mixer_config::snapshot::Snapshot;
use mixer_config::{CompileOptions, Compiled, Problem, RawResource, Severity};
use mixer_dispatch::{BuildFailure, Engine};
use tokio::sync::watch;
use tokio::task::JoinError;

use crate::readiness::Guard;
use changes::Problems;

/// More problems than this of one update are counted in the log, not listed.
const MAX_LISTED: usize = 200;

/// Where configuration comes from.
pub struct ConfigSource {
    /// What it is, for messages, such as `fs:///etc/mixer`.
    pub description: String,
    /// The state, now and after every change. A stream that ends leaves the last state in force.
    pub updates: BoxStream<'static, ConfigUpdate>,
    /// Who wants to know what became of each content.
    pub applied: Option<Box<dyn Fn(Applied) + Send + Sync>>,
}

/// What became of a content.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Which content of the stream it was, from 1.
    pub number: u64,
    /// What requests meet now.
    pub snapshot: Arc<Snapshot>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
    /// Handlers that could not be built.
    pub failures: Vec<BuildFailure>,
}

/// The state of a source.
#[derive(Clone, Debug, Default)]
pub struct ConfigUpdate {
    /// Everything that the source says, when that has changed.
    pub content: Option<Content>,
    /// Why nothing can be read at the moment: what was read last stays in force.
    pub unavailable: Option<Arc<str>>,
}

/// Everything that a source says.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// The resources.
    pub resources: Vec<RawResource>,
    /// What is wrong with documents that are no resources.
    pub problems: Vec<Problem>,
}

impl ConfigSource {
    /// A source that never changes.
    pub fn fixed(description: impl Into<String>, content: Content) -> Self {
        let update = ConfigUpdate { content: Some(content), unavailable: None };
        Self {
            description: description.into(),
            updates: stream::iter([update]).chain(stream::pending()).boxed(),
            applied: None,
        }
    }
}

impl std::fmt::Debug for ConfigSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfigSource").field("description", &self.description).finish_non_exhaustive()
    }
}

/// The task that follows a source.
#[derive(Debug)]
pub(crate) struct ConfigLoop {
    pub(crate) source: ConfigSource,
    pub(crate) adapters: Registry,
    pub(crate) options: CompileOptions,
    pub(crate) engine: Engine,
    pub(crate) metrics: ConfigMetrics,
    /// Let go of when the first configuration is in force.
    pub(crate) first: Option<Guard>,
    /// Why the source cannot be read at the moment.
    pub(crate) unavailable: watch::Sender<Option<Arc<str>>>,
}

impl ConfigLoop {
    /// Follows the source until it ends.
    pub(crate) async fn run(mut self) {
        let mut problems = Problems::default();
        let mut number = 0;
        self.metrics.available.set(1);
        while let Some(update) = self.source.updates.next().await {
            if *self.unavailable.borrow() != update.unavailable {
                self.announce(update.unavailable.as_deref());
                self.unavailable.send_replace(update.unavailable);
            }
            let Some(content) = update.content else { continue };
            number += 1;
            if let Err(error) = self.apply((number, content), &mut problems).await {
                self.metrics.failed.inc();
                tracing::error!(%error, "configuration could not be compiled; the last good one stays in force");
            }
        }
        tracing::warn!(source = %self.source.description, "the configuration source ended; changes are not seen any more");
    }

    fn announce(&self, unavailable: Option<&str>) {
        let source = &self.source.description;
        self.metrics.available.set(i64::from(unavailable.is_none()));
        match unavailable {
            Some(reason) => {
                tracing::error!(
                    "configuration cannot be read from {source}: {reason}; the last good one stays in force"
                );
            }
            None => tracing::info!("configuration can be read again from {source}"),
        }
    }

    async fn apply(
        &mut self,
        (number, content): (u64, Content),
        problems: &mut Problems,
    ) -> Result<(), JoinError> {
        let (adapters, options) = (self.adapters.clone(), self.options.clone());
        let compiled = tokio::task::spawn_blocking(move || {
            compile(&content.resources, content.problems, &adapters, &options)
        });
        let Compiled { snapshot, problems: found } = compiled.await?;
        log_problems(problems, &found);
        // Handlers that cannot be built are logged there, by name.
        let report = self.engine.apply(snapshot.clone()).await;
        let count = |severity| found.iter().filter(|problem| problem.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        self.metrics.applied.inc();
        self.metrics.errors.set(errors as i64);
        tracing::info!(
            "configuration in force: {}; {errors} errors, {warnings} warnings; handlers: {} started, {} kept, {} \
             ending, {} failed",
            in_numbers(&snapshot.counts),
            report.built,
            report.reused,
            report.closing,
            report.failures.len(),
        );
        self.first = None;
        if let Some(applied) = &self.source.applied {
            applied(Applied { number, snapshot, problems: found, failures: report.failures });
        }
        Ok(())
    }
}

fn compile(
    resources: &[RawResource],
    mut problems: Vec<Problem>,
    adapters: &Registry,
    options: &CompileOptions,
) -> Compiled {
    let mut compiled = mixer_config::compile(resources, adapters, options);
    problems.append(&mut compiled.problems);
    problems.sort_by(Problem::order);
    Compiled { problems, ..compiled }
}

fn in_numbers(counts: &mixer_config::snapshot::Counts) -> String {
    // Adapters and templates that are built in are no resources: a zero would say that there are none.
    let told = |kind: &str, count: usize| count > 0 || !matches!(kind, "adapter" | "template");
    let kinds = counts.valid.iter().filter(|(kind, count)| told(kind, **count));
    let kinds = kinds.map(|(kind, count)| format!("{count} {kind}s"));
    std::iter::once(format!("{} attributes", counts.attributes)).chain(kinds).collect::<Vec<_>>().join(", ")
}

/// Each problem once: what is new, and what has gone.
fn log_problems(known: &mut Problems, found: &[Problem]) {
    let changes = known.update(found);
    for problem in changes.new.iter().take(MAX_LISTED) {
        match problem.severity {
            Severity::Error => tracing::error!("{problem}"),
            Severity::Warning => tracing::warn!("{problem}"),
            Severity::Info => tracing::info!("{problem}"),
        }
    }
    if changes.new.len() > MAX_LISTED {
        tracing::warn!("and {} more problems; `mixs validate` lists all", changes.new.len() - MAX_LISTED);
    }
    for problem in changes.resolved.iter().take(MAX_LISTED) {
        tracing::info!("resolved: {problem}");
    }
}
