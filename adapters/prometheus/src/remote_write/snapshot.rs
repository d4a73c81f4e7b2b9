//! What is sent: every series of some handlers, as it is at one moment. Values add up for as long as a series lives, so
//! a snapshot that is lost is made good by the next one.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::SystemTime;

use foldhash::fast::RandomState;
use mixer_adapter_sdk::delivery::{Collector, QueueLimits};
use parking_lot::Mutex;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::definition::{Definition, Kind};
use crate::exemplar::Exemplar;
use crate::store::{Family, Native, Series, Snapshot, Store};

/// The label that marks what a self-test sends.
const TEST_LABEL: &str = "selftest";

/// A series at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(super) family: Arc<Described>,
    pub(super) series: Arc<Identified>,
    /// Milliseconds since 1970.
    pub(super) at: i64,
    pub(super) point: Point,
    /// Those that were not sent before, oldest first.
    pub(super) exemplars: Vec<Exemplar>,
}

/// What is said of a series.
#[derive(Clone, Debug)]
pub(super) enum Point {
    Value(Snapshot, Option<Native>),
    /// There will be no more of it.
    Ended,
}

/// A metric.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) definition: Definition,
    pub(super) help: String,
}

/// A series.
#[derive(Debug)]
pub(super) struct Identified {
    /// All labels but the name and that of buckets, sorted by name.
    pub(super) labels: Vec<(String, String)>,
    /// When it began, in milliseconds since 1970.
    pub(super) created: i64,
    /// The time of the newest exemplar that was handed over.
    newest_exemplar: AtomicI64,
}

/// Makes snapshots of the series of those builds of handlers that send to one destination.
#[derive(Debug)]
pub(super) struct Snapshots {
    store: Arc<Store>,
    external_labels: Vec<(String, String)>,
    users: Mutex<Vec<u64>>,
    known: Mutex<Known>,
    ended: AtomicBool,
}

#[derive(Debug, Default)]
struct Known {
    /// By the address of the series, which is no other one's for as long as the series is held here.
    series: HashMap<usize, Sent, RandomState>,
    /// The newest time of any item.
    last: i64,
}

/// A series that was in the last snapshot.
#[derive(Debug)]
struct Sent {
    _held: Arc<Series>,
    family: Arc<Described>,
    series: Arc<Identified>,
    /// The time of the last snapshot that it was in.
    seen: i64,
}

impl Snapshots {
    pub(super) fn new(store: Arc<Store>, external_labels: Vec<(String, String)>) -> Self {
        Self {
            store,
            external_labels,
            users: Mutex::default(),
            known: Mutex::default(),
            ended: AtomicBool::new(false),
        }
    }

    /// Takes in the metrics of a build of a handler.
    pub(super) fn add(&self, registration: u64) {
        self.users.lock().push(registration);
    }

    /// Leaves out the metrics of a build of a handler from now on.
    pub(super) fn remove(&self, registration: u64) {
        self.users.lock().retain(|user| *user != registration);
    }

    /// Whether no other build of a handler sends here.
    pub(super) fn is_last(&self, registration: u64) -> bool {
        self.users.lock().iter().all(|user| *user == registration)
    }

    /// The next snapshot is the last one, and every series ends with it; or, not so any more.
    pub(super) fn set_ended(&self, ended: bool) {
        self.ended.store(ended, Ordering::Relaxed);
    }

    /// One marked sample, as a self-test sends it.
    pub(super) fn test_item(&self) -> Item {
        let name = "mixer_self_test".to_owned();
        let definition = Definition {
            name,
            kind: Kind::Gauge,
            labels: vec![TEST_LABEL.to_owned()],
            exemplar_labels: Vec::new(),
            native: None,
        };
        let help = "Written by --selfTest of Mixer's prometheus adapter.".to_owned();
        let labels = self.with_external_labels(vec![(TEST_LABEL.to_owned(), "true".to_owned())]);
        let newest_exemplar = AtomicI64::new(i64::MIN);
        Item {
            family: Arc::new(Described { definition, help }),
            series: Arc::new(Identified { labels, created: 0, newest_exemplar }),
            at: millis(SystemTime::now()),
            point: Point::Value(Snapshot::Number(1.0), None),
            exemplars: Vec::new(),
        }
    }

    fn take(&self, now: i64) -> Vec<Item> {
        let users = self.users.lock().clone();
        let families = self.store.registered(&users);
        let known = &mut *self.known.lock();
        // Beyond the end of a series of the snapshot before, and with room for one before this snapshot.
        let at = now.max(known.last + 3);
        known.last = at;
        let mut samples = Vec::with_capacity(known.series.len());
        for family in &families {
            self.add_family(family, at, known, &mut samples);
        }
        // What began anew under the same labels is in `samples`: its end comes first.
        let mut items = Vec::new();
        known.series.retain(|_, sent| {
            let stays = sent.seen == at;
            if !stays {
                items.push(sent.end(at - 1));
            }
            stays
        });
        items.append(&mut samples);
        if self.ended.load(Ordering::Relaxed) {
            items.extend(known.series.drain().map(|(_, sent)| sent.end(at + 1)));
        }
        items
    }

    fn add_family(&self, family: &Family, at: i64, known: &mut Known, samples: &mut Vec<Item>) {
        let definition = family.metric.definition();
        let described = Arc::new(Described { definition: definition.clone(), help: family.help.clone() });
        for series in family.metric.all_series() {
            let sent = known.series.entry(Arc::as_ptr(&series) as usize).or_insert_with(|| Sent {
                series: Arc::new(Identified {
                    labels: self.with_external_labels(family.metric.label_pairs(&series)),
                    created: series.created(),
                    newest_exemplar: AtomicI64::new(i64::MIN),
                }),
                family: described.clone(),
                _held: series.clone(),
                seen: at,
            });
            sent.seen = at;
            let (value, native) = series.full_snapshot();
            samples.push(Item {
                family: described.clone(),
                series: sent.series.clone(),
                at,
                point: Point::Value(value, native),
                exemplars: sent.series.newer(series.exemplars()),
            });
        }
    }

    /// Labels of a series win over external ones of the same name, as in Prometheus.
    fn with_external_labels(&self, mut labels: Vec<(String, String)>) -> Vec<(String, String)> {
        for external in &self.external_labels {
            if !labels.iter().any(|(name, _)| *name == external.0) {
                labels.push(external.clone());
            }
        }
        labels.sort_unstable();
        labels
    }
}

impl Sent {
    fn end(&self, at: i64) -> Item {
        let (family, series) = (self.family.clone(), self.series.clone());
        Item { family, series, at, point: Point::Ended, exemplars: Vec::new() }
    }
}

impl Identified {
    /// The exemplars that were not handed over yet.
    fn newer(&self, mut exemplars: Vec<Exemplar>) -> Vec<Exemplar> {
        let before = self.newest_exemplar.load(Ordering::Relaxed);
        exemplars.retain(|exemplar| exemplar.at > before);
        if let Some(newest) = exemplars.last() {
            self.newest_exemplar.store(newest.at, Ordering::Relaxed);
        }
        exemplars
    }
}

impl Item {
    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        let buckets = match &self.point {
            Point::Value(Snapshot::Distribution { buckets, .. }, native) => {
                buckets.len()
                    + native.as_ref().map_or(0, |native| native.positive.len() + native.negative.len())
            }
            Point::Value(Snapshot::Number(_), _) | Point::Ended => 0,
        };
        let exemplars: usize = self
            .exemplars
            .iter()
            .flat_map(|exemplar| exemplar.labels.iter())
            .map(|(name, value)| name.len() + value.len() + 16)
            .sum();
        64 + 16 * buckets + exemplars
    }
}

/// Milliseconds since 1970.
fn millis(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The collector of a pipeline. A snapshot is taken only when nothing of the one before waits: so no more than one is
/// in memory, and samples go in order.
#[derive(Debug)]
pub(super) struct Source(pub(super) Arc<Snapshots>);

impl Source {
    /// A queue of this size has room for any snapshot when it is empty, and for none when it is not.
    pub(super) const QUEUE: QueueLimits = QueueLimits { items: usize::MAX - 1, bytes: usize::MAX - 1 };
}

impl Collector for Source {
    type Item = Item;

    fn take(&self, now: SystemTime) -> Vec<Item> {
        let now = millis(now);
        // A pass over many series takes longer than a task should.
        match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(|| self.0.take(now)),
            _ => self.0.take(now),
        }
    }

    fn level(&self) -> (usize, usize) {
        (usize::MAX, usize::MAX)
    }

    fn is_due(&self, _: usize) -> bool {
        false
    }
}
