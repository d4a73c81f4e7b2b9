//! Directories of a spool that no handler of the configuration uses any more: how much waits in each, why, and what to do.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::handler_file::HandlerFile;
use super::home::{HomeInner, segments};
use super::{SegmentSummary, blocking};
use crate::delivery::DeliveryMetrics;
use crate::delivery::outcome::reason;

/// Adapters that the process hosts are told of within this time.
const SETTLE: Duration = Duration::from_secs(1);

/// How often is looked when nothing hints at a change.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// The same directory is logged again after this time.
const LOG_EVERY: Duration = Duration::from_secs(3600);

/// Age at which what nobody can deliver is dropped.
pub(super) const MAX_UNUSABLE_AGE: Duration = Duration::from_secs(48 * 3600);

/// Why something is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Why {
    /// Its adapter is not one of this process.
    NotHosted,
    /// No handler has this configuration any more; one that was built for this delivers it.
    NotConfigured,
    /// A handler cannot be built for it.
    NotBuilt,
    /// Nobody knows whose it is.
    Unreadable,
}

impl Why {
    /// The label `reason` of the metric.
    fn label(self) -> &'static str {
        match self {
            Self::NotHosted => "not_hosted",
            Self::NotConfigured => "not_configured",
            Self::NotBuilt => "not_built",
            Self::Unreadable => "unreadable",
        }
    }

    /// What an operator reads.
    fn text(self) -> &'static str {
        match self {
            Self::NotHosted => {
                "a part of the spool waits for an adapter that this process does not host; host it again and it is delivered, or move the directory to the spool of a process that does; without a change for 48 hours it is removed and counted as expired"
            }
            Self::NotConfigured => {
                "a part of the spool belongs to a handler that is no longer configured like that; it is delivered with the configuration that was kept"
            }
            Self::NotBuilt => {
                "a part of the spool cannot be delivered, because no handler can be built of the configuration that was kept; do the files and addresses that it names still exist? Without a change for 48 hours it is removed and counted as expired"
            }
            Self::Unreadable => {
                "a part of the spool cannot be delivered: its file `handler` cannot be read; without a change for 48 hours it is removed and counted as expired"
            }
        }
    }
}

/// A directory that is left.
#[derive(Debug)]
struct Left {
    directory: PathBuf,
    why: Why,
    adapter: String,
    handler: String,
    bytes: u64,
}

/// Tells what is left, for ever.
pub(super) async fn watch(home: Arc<HomeInner>) {
    let (mut told, mut shown) = (HashMap::new(), HashSet::new());
    sleep(SETTLE).await;
    loop {
        // Made before the look, so that nothing that changes meanwhile is missed.
        let changed = home.changed.notified();
        let looked = home.clone();
        let found = blocking(move || Ok(look(&looked))).await.unwrap_or_default();
        show(&found, &mut shown);
        told.retain(|directory, _| found.iter().any(|left| left.directory == *directory));
        for left in &found {
            tell(left, &mut told);
        }
        let _ = timeout(LOOK_AGAIN, changed).await;
    }
}

fn look(home: &HomeInner) -> Vec<Left> {
    let drained = home.drained();
    let unused = home.left().unwrap_or_default().into_iter().filter(|path| !drained.contains_key(path));
    let unused: Vec<_> = unused.map(|directory| (directory, None)).collect();
    let all = drained.into_iter().map(|(directory, why)| (directory, Some(why))).chain(unused);
    let mut found: Vec<_> = all.filter_map(|(directory, why)| left(home, directory, why)).collect();
    found.sort_by(|one, other| one.directory.cmp(&other.directory));
    found
}

/// What is left in a directory; none when a hosted adapter is about to look after it, or when there is nothing in it.
fn left(home: &HomeInner, directory: PathBuf, why: Option<Why>) -> Option<Left> {
    let file = HandlerFile::read(&directory);
    let why = match (why, &file) {
        (Some(why), _) => why,
        (None, Err(_)) => Why::Unreadable,
        (None, Ok(file)) if home.hosts(&file.adapter) => return None,
        (None, Ok(_)) => Why::NotHosted,
    };
    let (adapter, handler) = match file {
        Ok(file) => (file.adapter, file.name),
        Err(error) => (String::new(), format!("unknown: {error}")),
    };
    if matches!(why, Why::NotHosted | Why::Unreadable) && forget_if_old(&directory, &adapter) {
        return None;
    }
    let live = segments(&directory).into_iter().filter(|file| is_live(file));
    let bytes = live.filter_map(|file| Some(fs::metadata(file).ok()?.len())).sum();
    (bytes > 0).then_some(Left { directory, why, adapter, handler, bytes })
}

/// Sets the metric, also for what is no longer left.
fn show(found: &[Left], shown: &mut HashSet<(String, &'static str)>) {
    let Ok(metrics) = DeliveryMetrics::shared() else { return };
    let mut sums: HashMap<(String, &'static str), u64> = HashMap::new();
    for left in found {
        *sums.entry((left.adapter.clone(), left.why.label())).or_default() += left.bytes;
    }
    for (adapter, why) in shown.drain().filter(|gone| !sums.contains_key(gone)) {
        metrics.set_spool_left(&adapter, why, 0);
    }
    for ((adapter, why), bytes) in sums {
        metrics.set_spool_left(&adapter, why, bytes);
        shown.insert((adapter, why));
    }
}

fn tell(left: &Left, told: &mut HashMap<PathBuf, (Why, Instant)>) {
    let Left { directory, why, adapter, handler, bytes } = left;
    let is_known = |(known, at): &(Why, Instant)| known == why && at.elapsed() < LOG_EVERY;
    if told.get(directory).is_some_and(is_known) {
        return;
    }
    told.insert(directory.clone(), (*why, Instant::now()));
    let (directory, text) = (directory.display(), why.text());
    match why {
        Why::NotConfigured => tracing::warn!(%directory, adapter, handler, bytes, "{text}"),
        _ => tracing::error!(%directory, adapter, handler, bytes, "{text}"),
    }
}

pub(super) fn has_live_segments(directory: &Path) -> bool {
    segments(directory).iter().any(|file| is_live(file))
}

fn is_live(file: &Path) -> bool {
    file.extension().is_some_and(|kind| kind == "seg")
}

/// Since the last change of what is in a directory.
pub(super) fn age(directory: &Path) -> Duration {
    let age = |file: &PathBuf| fs::metadata(file).ok()?.modified().ok()?.elapsed().ok();
    segments(directory).iter().filter_map(age).min().unwrap_or_default()
}

/// Removes what no handler could be built for, once it is too old for any backend. What was set aside goes too.
pub(super) fn forget_if_old(directory: &Path, adapter: &str) -> bool {
    if age(directory) <= MAX_UNUSABLE_AGE {
        return false;
    }
    let files = segments(directory);
    let summaries = files.iter().filter(|file| is_live(file)).filter_map(|file| fs::read(file).ok());
    let (reports, items) = summaries
        .map(|bytes| SegmentSummary::of(&bytes))
        .fold((0, 0), |sum, summary| (sum.0 + summary.reports as u64, sum.1 + summary.items));
    if let Ok(metrics) = DeliveryMetrics::shared() {
        let lost = usize::try_from(items + reports).unwrap_or(usize::MAX);
        metrics.of(adapter).dropped(reason::EXPIRED, lost);
    }
    for file in files {
        let _ = fs::remove_file(file);
    }
    let _ = fs::remove_dir_all(directory);
    tracing::error!(
        directory = %directory.display(), items, reports,
        "a part of the spool was too old to be delivered and was removed"
    );
    true
}
