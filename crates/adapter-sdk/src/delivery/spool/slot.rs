//! The place of one handler in a spool: a directory that it alone uses, what its pipelines left there, and how that is
//! handed to the handler again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use mixer_adapter_api::{Adapter, Batch, BuildError, Handler, HandlerSpec, ReportCall};
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::budget::Budget;
use super::home::HomeInner;
use super::{Report, SpoolError, SpoolOptions, blocking};
use crate::view::InstanceView;
use crate::wire::Fields;

/// How long a handler may take for a report of an earlier process.
const REPLAY_TIMEOUT: Duration = Duration::from_secs(60);

tokio::task_local! {
    /// Where the handler that is being built keeps what it takes.
    static SLOT: Arc<Slot>;
    /// The report of an earlier process that is handed to a handler again.
    static REPLAY: Replay;
}

/// A directory that one handler uses. It is free again when nobody holds this any more, and removed when nothing is left in it.
pub(in crate::delivery) struct Claim {
    home: Arc<HomeInner>,
    directory: PathBuf,
}

impl Claim {
    pub(super) fn new(home: Arc<HomeInner>, directory: PathBuf) -> Self {
        Self { home, directory }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn options(&self) -> &SpoolOptions {
        &self.home.options
    }

    /// How much of a journal makes a harvest due.
    pub(in crate::delivery) fn early_bytes(&self) -> u64 {
        self.home.options.max_bytes / 8
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.home.budget
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.home.release(&self.directory);
    }
}

/// A report of an earlier process that is handed to a handler again.
#[derive(Clone, Copy, Debug)]
pub(in crate::delivery) struct Replay {
    /// The pipeline whose journal it is in; no other one takes it.
    pub(in crate::delivery) pipeline: u64,
    /// When it came.
    pub(in crate::delivery) at: SystemTime,
}

impl Replay {
    /// The one of the current task.
    pub(in crate::delivery) fn current() -> Option<Self> {
        REPLAY.try_with(|replay| *replay).ok()
    }
}

/// Whether the current task hands a report of an earlier process to a handler: bounds that protect memory from callers do
/// not hold then, because not more than a segment comes at once.
pub(in crate::delivery) fn is_replaying() -> bool {
    REPLAY.try_with(|_| ()).is_ok()
}

/// A pipeline, as far as its journal is concerned.
pub(in crate::delivery) trait Replayed: Send + Sync {
    /// Tells the pipelines of a process apart.
    fn id(&self) -> u64;
    /// Its name in the handler.
    fn name(&self) -> &'static str;
    /// Segments of an earlier process.
    fn leftover(&self) -> Vec<u64>;
    /// What stands in one of them.
    fn read(&self, segment: u64) -> BoxFuture<'_, Result<Vec<Report>, SpoolError>>;
    /// Harvests what was replayed of the segments below a number.
    fn harvest_below(&self, covers: u64) -> BoxFuture<'_, Result<(), SpoolError>>;
    /// Everything was replayed: harvests and deliveries may begin.
    fn begin(&self);
    /// Whether nothing is left on disk.
    fn is_drained(&self) -> bool;
}

/// The place of a handler that is being built.
pub(in crate::delivery) struct Slot {
    home: Arc<HomeInner>,
    adapter: &'static str,
    spec: HandlerSpec,
    claim: OnceCell<Arc<Claim>>,
    pipelines: Mutex<Vec<Arc<dyn Replayed>>>,
}

impl Slot {
    pub(super) fn new(
        home: Arc<HomeInner>,
        adapter: &'static str,
        spec: HandlerSpec,
        claim: Option<Arc<Claim>>,
    ) -> Arc<Self> {
        let claim = OnceCell::new_with(claim);
        Arc::new(Self { home, adapter, spec, claim, pipelines: Mutex::default() })
    }

    /// The one of the handler that the current task builds; none when the process has no spool.
    pub(in crate::delivery) fn current() -> Option<Arc<Self>> {
        SLOT.try_with(Arc::clone).ok()
    }

    /// The directory of the handler, made when the first pipeline asks: a handler without one leaves no trace.
    pub(in crate::delivery) async fn claim(&self) -> Result<Arc<Claim>, SpoolError> {
        let claim = self.claim.get_or_try_init(|| async {
            let (home, adapter, spec) = (self.home.clone(), self.adapter, self.spec.clone());
            blocking(move || home.claim(adapter, &spec)).await
        });
        claim.await.cloned()
    }

    /// Whether a pipeline of the handler has this name.
    pub(in crate::delivery) fn has(&self, name: &str) -> bool {
        self.pipelines.lock().iter().any(|pipeline| pipeline.name() == name)
    }

    /// Tells of a pipeline of the handler.
    pub(in crate::delivery) fn add(&self, pipeline: Arc<dyn Replayed>) {
        self.pipelines.lock().push(pipeline);
    }

    /// Builds the handler and hands it what its journals hold.
    pub(super) async fn build(
        self: &Arc<Self>,
        adapter: &dyn Adapter,
    ) -> Result<Arc<dyn Handler>, BuildError> {
        let handler = SLOT.scope(self.clone(), adapter.build(self.spec.clone())).await?;
        let pipelines = self.pipelines.lock().clone();
        for pipeline in &pipelines {
            let replayed = replay(&**pipeline, &*handler).await;
            replayed.map_err(|error| BuildError(error.to_string()))?;
        }
        // Only now, so that no harvest takes a part of what is being replayed.
        for pipeline in &pipelines {
            pipeline.begin();
        }
        Ok(handler)
    }

    /// Whether nothing is left on disk.
    pub(super) fn is_drained(&self) -> bool {
        self.pipelines.lock().iter().all(|pipeline| pipeline.is_drained())
    }
}

async fn replay(pipeline: &dyn Replayed, handler: &dyn Handler) -> Result<(), SpoolError> {
    let mut replayed = 0usize;
    for segment in pipeline.leftover() {
        for report in pipeline.read(segment).await? {
            let replay = Replay { pipeline: pipeline.id(), at: report.at };
            let call = ReportCall { template: &report.template, batch: batch(&report), deadline: None };
            let taken = REPLAY.scope(replay, handler.report(call));
            match tokio::time::timeout(REPLAY_TIMEOUT, taken).await {
                Ok(Ok(_)) => replayed += 1,
                Ok(Err(error)) => {
                    tracing::error!(pipeline = pipeline.name(), template = report.template, %error, "a report from before the restart was not taken");
                }
                Err(_) => {
                    tracing::error!(
                        pipeline = pipeline.name(),
                        template = report.template,
                        "a report from before the restart was not taken in time"
                    );
                }
            }
        }
        pipeline.harvest_below(segment + 1).await?;
    }
    if replayed > 0 {
        tracing::info!(
            pipeline = pipeline.name(),
            reports = replayed,
            "reports from before the restart were taken again"
        );
    }
    Ok(())
}

/// The instances of a report. What cannot be read was counted when it came.
fn batch(report: &Report) -> Batch {
    let fields = Fields::new(&report.framed).flatten().filter(|field| field.number == 1);
    let instances = fields.filter_map(|field| {
        let bytes = field.bytes().ok()?;
        let name = InstanceView::new(bytes).name().ok()?.into();
        Some((name, report.framed.slice_ref(bytes)))
    });
    Batch::from_instances(instances)
}
