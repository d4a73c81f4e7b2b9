//! Delivers what handlers have left: those of an earlier process, and those that were closed before everything was sent.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mixer_adapter_api::Adapter;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::handler_file::HandlerFile;
use super::home::{HomeInner, segments};
use super::slot::{Claim, Slot};
use super::{SegmentSummary, blocking};
use crate::delivery::DeliveryMetrics;
use crate::delivery::outcome::reason;

/// How often is looked for what is left when nothing hints at it.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// How often is looked whether a handler is done.
const POLL: Duration = Duration::from_millis(200);

/// The longest wait before a handler that could not be built is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Age at which what no handler can be built for is dropped.
const MAX_UNUSABLE_AGE: Duration = Duration::from_secs(48 * 3600);

/// Looks after what handlers of an adapter have left, for ever.
pub(super) async fn keep(home: Arc<HomeInner>, adapter: Arc<dyn Adapter>) {
    let mut draining = JoinSet::new();
    let mut told = HashSet::new();
    loop {
        // Made before the look, so that nothing that is released meanwhile is missed.
        let released = home.released.notified();
        let found = home.clone();
        let left = blocking(move || Ok(found.left())).await;
        for directory in left.ok().and_then(Result::ok).unwrap_or_default() {
            match HandlerFile::read(&directory) {
                Ok(file) if file.adapter == adapter.info().name => {
                    if !has_live_segments(&directory) {
                        // Nothing but what was set aside for people to look at.
                        forget_if_old(&directory, &file.adapter);
                    } else if let Some(claim) = home.claim_directory(directory) {
                        draining.spawn(drain(home.clone(), adapter.clone(), claim, file));
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    // Nobody knows whose it is.
                    forget_if_old(&directory, adapter.info().name);
                    if told.insert(directory.clone()) {
                        tracing::error!(
                            %error, directory = %directory.display(),
                            "a part of the spool cannot be delivered: its file `handler` cannot be read"
                        );
                    }
                }
            }
        }
        while draining.try_join_next().is_some() {}
        let _ = timeout(LOOK_AGAIN, released).await;
    }
}

/// Delivers what is left in a directory.
async fn drain(home: Arc<HomeInner>, adapter: Arc<dyn Adapter>, claim: Arc<Claim>, file: HandlerFile) {
    let directory = claim.directory().to_owned();
    let mut wait = Duration::from_secs(1);
    loop {
        let spec = file.spec();
        let slot = Slot::new(home.clone(), adapter.info().name, spec.clone(), Some(claim.clone()));
        let problems = adapter.validate(&spec);
        let built = match problems.is_empty() {
            true => slot.build(&*adapter).await.map_err(|error| error.to_string()),
            false => Err(crate::params::join(&problems)),
        };
        match built {
            Ok(handler) => {
                tracing::info!(directory = %directory.display(), "what a handler had left is delivered");
                while !slot.is_drained() {
                    sleep(POLL).await;
                }
                handler.close().await;
                return;
            }
            Err(error) => {
                tracing::error!(error, directory = %directory.display(), "what a handler had left cannot be delivered yet");
            }
        }
        drop(slot);
        let held = directory.clone();
        let unusable = blocking(move || Ok(Unusable::of(&held))).await;
        if unusable.is_ok_and(|unusable| unusable.age > MAX_UNUSABLE_AGE) {
            forget_if_old(&directory, &file.adapter);
            return;
        }
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

fn has_live_segments(directory: &Path) -> bool {
    segments(directory).iter().any(|file| is_live(file))
}

fn is_live(file: &Path) -> bool {
    file.extension().is_some_and(|kind| kind == "seg")
}

/// What stands in a directory that is not delivered.
#[derive(Default)]
struct Unusable {
    /// Since the last change.
    age: Duration,
    files: Vec<PathBuf>,
}

impl Unusable {
    fn of(directory: &Path) -> Self {
        let files = segments(directory);
        let age = |file: &PathBuf| fs::metadata(file).ok()?.modified().ok()?.elapsed().ok();
        let age = files.iter().filter_map(age).min().unwrap_or_default();
        Self { age, files }
    }
}

/// Removes what no handler could be built for, once it is too old for any backend. What was set aside goes too.
fn forget_if_old(directory: &Path, adapter: &str) {
    let unusable = Unusable::of(directory);
    if unusable.age <= MAX_UNUSABLE_AGE {
        return;
    }
    let summaries = unusable.files.iter().filter(|file| is_live(file)).filter_map(|file| fs::read(file).ok());
    let (reports, items) = summaries
        .map(|bytes| SegmentSummary::of(&bytes))
        .fold((0, 0), |sum, summary| (sum.0 + summary.reports as u64, sum.1 + summary.items));
    if let Ok(metrics) = DeliveryMetrics::shared() {
        let lost = usize::try_from(items + reports).unwrap_or(usize::MAX);
        metrics.of(adapter).dropped(reason::EXPIRED, lost);
    }
    for file in unusable.files {
        let _ = fs::remove_file(file);
    }
    let _ = fs::remove_dir_all(directory);
    tracing::error!(
        directory = %directory.display(), items, reports,
        "a part of the spool was too old to be delivered and was removed"
    );
}
