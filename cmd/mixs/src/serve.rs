//! `mixs server`: puts the server together and runs it.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use futures::StreamExt as _;
use mixer_adapters::SpoolHome;
use mixer_config_fs::{Content as FileContent, FsSource, Update, Watch};
use mixer_server::app::Bound;
use mixer_server::config::{ConfigSource, ConfigUpdate, Content};
use mixer_server::stop::Stop;
use mixer_server::version::BUILD;

use crate::flags::{LogFlags, ServerFlags};
use crate::plan::{Plan, Store, Surroundings};
use crate::{kube, logging};

/// Threads of the monitoring port, of compiling configuration and of scrapes.
const ADMIN_THREADS: usize = 2;

/// Runs the server until it is asked to stop.
///
/// # Errors
/// It cannot start, or ended on its own.
pub(crate) fn run(flags: ServerFlags, log: &LogFlags) -> anyhow::Result<ExitCode> {
    let warnings = logging::start(log)?;
    let plan = Plan::new(&flags, Surroundings::of_process())?;
    tracing::info!("mixs {BUILD} starting");
    for warning in warnings.iter().chain(&plan.warnings) {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(ADMIN_THREADS)
        .thread_name("admin")
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let ended = runtime.block_on(serve(plan));
    // What is still running has been named, or does not matter any more.
    runtime.shutdown_background();
    ended.context("unable to run Mixer")?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(plan: Plan) -> anyhow::Result<()> {
    let stop = Stop::default();
    stop.on_signals().context("cannot handle signals")?;
    let adapters =
        mixer_adapters::registry(mixer_adapters::Options { prometheus_address: plan.prometheus_address });
    // Held until the end: it delivers what an earlier process left.
    let spool = match plan.spool {
        Some(options) => Some(SpoolHome::open(options).await.context("--spoolDirectory cannot be used")?),
        None => None,
    };
    let adapters = spool.as_ref().map_or(adapters.clone(), |spool| mixer_adapters::spooled(&adapters, spool));
    let mut beside = None;
    let source = match plan.store {
        Store::BuiltIn => ConfigSource::fixed("the built-in configuration", Content::default()),
        Store::Files(files) => watched(files),
        Store::Kubernetes(cluster) => {
            let (source, running) = kube::start(*cluster, &adapters, &plan.app.compile).await?;
            beside = Some(running);
            source
        }
    };
    tracing::info!("configuration comes from {}", source.description);
    let bound = Bound::bind(plan.app, adapters, source).await?;
    mixer_adapters::register_metrics(bound.metrics()).context("metrics cannot be registered")?;
    if let Some(running) = &beside {
        running.metrics.register(bound.metrics()).context("metrics cannot be registered")?;
    }
    let ended = bound.run(&stop).await;
    if let Some(running) = beside {
        running.end().await;
    }
    ended?;
    Ok(())
}

fn watched(files: FsSource) -> ConfigSource {
    let description = files.path.display().to_string();
    let state = Watched { watch: files.watch(), last: None };
    let updates = futures::stream::unfold(state, Watched::next).boxed();
    ConfigSource { description, updates, applied: None }
}

/// A watched directory, and what was handed on last.
struct Watched {
    watch: Watch,
    last: Option<Arc<FileContent>>,
}

impl Watched {
    async fn next(mut self) -> Option<(ConfigUpdate, Self)> {
        let Update { content, unavailable } = self.watch.next().await?;
        let is_new = match (&content, &self.last) {
            (Some(content), Some(last)) => !Arc::ptr_eq(content, last),
            (content, _) => content.is_some(),
        };
        self.last.clone_from(&content);
        let content = content.filter(|_| is_new).map(|content| Content {
            resources: content.resources.clone(),
            problems: content.problems.clone(),
        });
        Some((ConfigUpdate { content, unavailable }, self))
    }
}
