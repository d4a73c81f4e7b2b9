//! Scenarios: configuration, what is asked, and what is expected, in one file; run through the server's own
//! compiler and engine.

mod bag;
mod connect;
mod steps;
mod text;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use mixer_adapter_sdk::{AdapterInfo, Registry};
use mixer_attribute::Bag;
use mixer_config::{CompileOptions, Problem, RawResource, ReadOptions, Severity, compile, parse_documents};
use mixer_dispatch::{Engine, EngineOptions, QuotaRequest, Runtime};

use self::steps::{Act, Step, Written};
use crate::Running;
use crate::error::TestError;
use crate::golden;
use crate::subject::{Reach, Served, Subject};

/// The namespace of resources that name none.
const NAMESPACE: &str = "istio-system";

/// How long handlers may take to close.
const CLOSE: Duration = Duration::from_secs(30);

/// Runs the scenario in a file and compares what happens with its `want`. With the environment variable
/// `UPDATE_GOLDENS=1` the file is rewritten instead.
///
/// # Errors
/// The file is no scenario, the adapter cannot be started, or something else happened than the file says; the error
/// shows the lines that differ.
pub async fn check(path: impl AsRef<Path>, subject: &Subject) -> Result<(), TestError> {
    let path = path.as_ref();
    let scenario = Scenario::read(path)?;
    let happened = scenario.run(subject).await?;
    if std::env::var_os(golden::UPDATE).is_some_and(|value| value != "0") {
        let text = golden::rewritten(&scenario.text, &happened);
        return std::fs::write(path, text).map_err(|error| TestError::File { path: path.to_owned(), error });
    }
    match golden::difference(scenario.written.want.as_deref().unwrap_or_default(), &happened) {
        None => Ok(()),
        Some(diff) => Err(TestError::Mismatch { place: scenario.name, diff }),
    }
}

/// A scenario: documents of configuration, then one document with steps and the expected text.
#[derive(Debug)]
pub struct Scenario {
    name: String,
    folder: PathBuf,
    text: String,
    configuration: String,
    written: Written,
}

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or its last document is not one of a scenario.
    pub fn read(path: &Path) -> Result<Self, TestError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| TestError::File { path: path.to_owned(), error })?;
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Self::parse(&name, &text, folder)
    }

    /// Reads text. `include` of it is relative to `folder`.
    ///
    /// # Errors
    /// The last document is not one of a scenario.
    pub fn parse(name: &str, text: &str, folder: impl Into<PathBuf>) -> Result<Self, TestError> {
        let (configuration, own) = match text.rfind("\n---\n") {
            Some(at) => text.split_at(at + "\n---\n".len()),
            None => ("", text),
        };
        // Empty lines in front keep the numbers of lines in messages right.
        let padded = format!("{}{own}", "\n".repeat(configuration.lines().count()));
        let written: Written = serde_saphyr::from_str(&padded).map_err(|error| TestError::Scenario {
            place: name.to_owned(),
            message: format!("the last document has to be the scenario (include, steps, want): {error}"),
        })?;
        check_steps(&written.steps)
            .map_err(|message| TestError::Scenario { place: name.to_owned(), message })?;
        Ok(Self {
            name: name.to_owned(),
            folder: folder.into(),
            text: text.to_owned(),
            configuration: configuration.to_owned(),
            written,
        })
    }

    /// Runs it and tells what happened.
    ///
    /// # Errors
    /// The adapter cannot be started, or a file or bag cannot be read. What goes wrong in configuration and calls
    /// is part of what is told.
    pub async fn run(&self, subject: &Subject) -> Result<String, TestError> {
        let mut stage = Stage::set(subject).await?;
        let (resources, mut problems) = self.resources(&stage)?;
        let compiled = compile(&resources, &stage.registry, &CompileOptions::default());
        problems.extend(compiled.problems);
        for problem in problems.iter().filter(|problem| problem.severity != Severity::Info) {
            let _ = writeln!(stage.told, "{problem}");
        }
        let names = compiled.snapshot.handlers.iter().map(|handler| &handler.spec.name);
        stage.handlers = names.map(|name| (name.to_string(), name.replacen(".handler.", ".", 1))).collect();
        let applied = stage.engine.apply(compiled.snapshot).await;
        for failure in applied.failures {
            let _ = writeln!(stage.told, "handler {} was not built: {}", failure.handler, failure.reason);
        }
        for (index, step) in self.written.steps.iter().enumerate() {
            stage.step(&(index + 1).to_string(), step).await.map_err(|message| TestError::Scenario {
                place: self.name.clone(),
                message: format!("step {}: {message}", index + 1),
            })?;
        }
        let observed = self.written.steps.iter().any(|step| step.observe);
        if !observed {
            stage.observe().await;
        }
        stage.close().await;
        Ok(stage.finish())
    }

    fn resources(&self, stage: &Stage<'_>) -> Result<(Vec<RawResource>, Vec<Problem>), TestError> {
        let mut files = vec![(self.name.clone(), self.configuration.clone())];
        for include in &self.written.include {
            let path = self.folder.join(include);
            let text = std::fs::read_to_string(&path).map_err(|error| TestError::File { path, error })?;
            files.push((include.clone(), text));
        }
        let options = ReadOptions { default_namespace: Some(NAMESPACE.into()) };
        let (mut resources, mut problems) = (Vec::new(), Vec::new());
        for (name, text) in files {
            let (read, wrong) = parse_documents(&name, &stage.fill(text), &options);
            resources.extend(read);
            problems.extend(wrong);
        }
        if let Some(address) = &stage.address {
            connect::connect(&mut resources, address, stage.info);
        }
        Ok((resources, problems))
    }
}

fn check_steps(steps: &[Step]) -> Result<(), String> {
    for (index, step) in steps.iter().enumerate() {
        let number = index + 1;
        match step.act() {
            None => {
                return Err(format!(
                    "step {number} must have exactly one of check, report, together, observe and close"
                ));
            }
            Some(Act::Together(steps)) => {
                let calls = |step: &Step| matches!(step.act(), Some(Act::Check(_) | Act::Report(_)));
                if !steps.iter().all(calls) {
                    return Err(format!("step {number}: together takes check and report"));
                }
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// A running engine, the adapter, and what happened so far.
struct Stage<'s> {
    subject: &'s Subject,
    engine: Engine,
    registry: Registry,
    address: Option<String>,
    info: Option<&'s AdapterInfo>,
    told: String,
    /// Names of handlers as gRPC ones have them, and as hosted ones do.
    handlers: Vec<(String, String)>,
    served: Option<Served>,
    _running: Option<Running>,
}

impl<'s> Stage<'s> {
    async fn set(subject: &'s Subject) -> Result<Self, TestError> {
        let (mut served, mut running, mut info) = (None, None, None);
        let mut registry = Registry::default();
        let address = match &subject.reach {
            Reach::Hosted(adapter) => {
                registry = Registry::new(vec![adapter.clone()]);
                None
            }
            Reach::Served(adapter) => {
                info = Some(adapter.info());
                let started = served.insert(Served::start(adapter.clone()).await?);
                Some(started.address.clone())
            }
            Reach::Program(program) => {
                let started = running.insert(program.start().await?);
                Some(started.address().to_owned())
            }
            Reach::Address(address) => Some(address.clone()),
        };
        let engine = Engine::new(EngineOptions::default(), registry.clone(), &prometheus::Registry::new())
            .map_err(|error| TestError::Start(format!("the engine: {error}")))?;
        let told = String::new();
        Ok(Self {
            subject,
            engine,
            registry,
            address,
            info,
            told,
            served,
            handlers: Vec::new(),
            _running: running,
        })
    }

    /// Configuration with this run's values in it.
    fn fill(&self, text: String) -> String {
        self.places().fold(text, |text, (name, value)| text.replace(name, value))
    }

    fn places(&self) -> impl Iterator<Item = (&str, &str)> {
        let address = self.address.as_deref().map(|address| ("${ADDRESS}", address));
        let given = self.subject.replacements.iter();
        given.map(|(name, value)| (name.as_str(), value.as_str())).chain(address)
    }

    async fn step(&mut self, number: &str, step: &Step) -> Result<(), String> {
        match step.act() {
            Some(Act::Check(_) | Act::Report(_)) => {
                let mut answers = Vec::new();
                for _ in 0..step.times() {
                    answers.push(call(&self.engine.current(), step).await?);
                }
                self.tell(number, step, answers);
            }
            Some(Act::Together(steps)) => {
                let runtime = self.engine.current();
                let running = steps.iter().map(|step| {
                    let calls = (0..step.times()).map(|_| {
                        let (runtime, step) = (runtime.clone(), step.clone());
                        tokio::spawn(async move { call(&runtime, &step).await })
                    });
                    // Collected, so that all of them run before any is waited for.
                    calls.collect::<Vec<_>>()
                });
                let running: Vec<_> = running.collect();
                for (index, (step, calls)) in steps.iter().zip(running).enumerate() {
                    let answers = join_all(calls).await.into_iter();
                    let answers = answers.map(|ended| ended.unwrap_or_else(|error| Err(error.to_string())));
                    let answers = answers.collect::<Result<Vec<_>, _>>()?;
                    self.tell(&format!("{number}.{}", index + 1), step, answers);
                }
            }
            Some(Act::Observe) => self.observe().await,
            Some(Act::Close) => self.close().await,
            None => {}
        }
        Ok(())
    }

    fn tell(&mut self, number: &str, step: &Step, answers: Vec<String>) {
        let word = if step.check.is_some() { "check" } else { "report" };
        let answers = text::repeated(answers);
        let indented =
            if step.times() > 1 { format!("\n{}", indent(&answers)) } else { format!(" {answers}") };
        let _ = write!(self.told, "{number} {word}:{indented}");
    }

    async fn observe(&mut self) {
        if let Some(observer) = &self.subject.observer {
            let observed = observer().await;
            let _ = write!(self.told, "observed:\n{}", indent(&observed));
        }
    }

    async fn close(&mut self) {
        let late = self.engine.shutdown(Instant::now() + CLOSE).await;
        for handler in late {
            let _ = writeln!(self.told, "handler {handler} did not close within {CLOSE:?}");
        }
        if let Some(served) = self.served.take()
            && let Err(error) = served.stop().await
        {
            let _ = writeln!(self.told, "the adapter's server did not stop well: {error}");
        }
    }

    /// What happened, without what differs from run to run.
    fn finish(&self) -> String {
        let told = self.places().fold(self.told.clone(), |text, (name, value)| text.replace(value, name));
        self.handlers.iter().fold(told, |text, (name, short)| text.replace(name, short))
    }
}

fn indent(text: &str) -> String {
    let mut indented = String::new();
    for line in text.trim_end().lines() {
        let _ = writeln!(indented, "  {line}");
    }
    indented
}

/// One check or report.
async fn call(runtime: &Arc<Runtime>, step: &Step) -> Result<String, String> {
    match step.act() {
        Some(Act::Check(written)) => {
            let mut bag = bag::read(written, runtime.vocabulary())?;
            let quotas: Vec<_> = step
                .quotas
                .iter()
                .map(|(name, quota)| QuotaRequest {
                    name,
                    amount: quota.amount(),
                    best_effort: quota.best_effort(),
                })
                .collect();
            let outcome = runtime.check(&mut bag, &quotas, &step.dedup_id, None).await;
            Ok(text::check(runtime, &bag, &outcome))
        }
        Some(Act::Report(written)) => {
            let bags = written.iter().map(|bag| bag::read(bag, runtime.vocabulary()));
            let mut bags = bags.collect::<Result<Vec<Bag>, _>>()?;
            let mut reporter = runtime.reporter();
            for bag in &mut bags {
                reporter.add(bag).await;
            }
            Ok(text::report(&reporter.flush(None).await))
        }
        _ => Ok(String::new()),
    }
}
