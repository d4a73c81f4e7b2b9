//! The series of a handler: samples are put together by metric, labels and resource; each push gives one point for every
//! series, handed out in portions of one call over the push interval.

mod identity;
mod json;
mod value;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use foldhash::quality::RandomState;
use mixer_adapter_sdk::delivery::Collector;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::config::{Kind, Metric, SHORTEST_PUSH_INTERVAL, ValueType};
use crate::monitoring::Descriptor;
use crate::refusal::Refusal;
use crate::resource::Resource;

pub(crate) use identity::{Identity, Labelling};
pub(crate) use value::{Distribution, Sample, Value};

/// The most series of a call.
pub(crate) const CALL_SERIES: usize = 200;
/// About what a series takes in a payload.
const SERIES_BYTES: usize = 700;
/// What begins must be so much later than what ended.
const STEP: Duration = Duration::from_millis(1);
/// The API takes no points that are further in the future.
const MOST_AHEAD: Duration = Duration::from_secs(300);
/// Forms under which a series may come, for each series, before they are forgotten.
const FORMS: usize = 4;

/// A point as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct SeriesItem {
    /// Tells the series apart: a call takes one point of each.
    pub(crate) series: u64,
    /// A `TimeSeries` of the API.
    pub(crate) json: Vec<u8>,
    /// The descriptor that the series needs; none when it comes from the disk.
    pub(crate) descriptor: Option<Arc<Descriptor>>,
}

/// How series are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoreOptions {
    pub(crate) push_interval: Duration,
    pub(crate) expiry: Duration,
    pub(crate) max_series: usize,
}

/// The series of a handler.
#[derive(Debug)]
pub(crate) struct Store {
    options: StoreOptions,
    closing: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    series: HashMap<u64, Series, RandomState>,
    by_identity: HashMap<Arc<Identity>, u64>,
    /// The encoded forms under which series came, so that labels are not made again.
    by_form: HashMap<Box<[u8]>, u64, RandomState>,
    next_id: u64,
    overflowing: usize,
    descriptors: HashMap<String, (BTreeSet<String>, Arc<Descriptor>)>,
    portions: VecDeque<(Instant, Vec<SeriesItem>)>,
    next_push: Instant,
    pushed: Option<(Instant, SystemTime)>,
    overflowed_samples: u64,
}

#[derive(Debug)]
struct Series {
    identity: Arc<Identity>,
    metric: Arc<Metric>,
    value: Value,
    /// Beginning of the next point.
    start: Option<SystemTime>,
    /// Whether samples came since the last push.
    touched: bool,
    last_sample: Instant,
}

impl Store {
    /// No series; the first push is an interval from now.
    pub(crate) fn new(options: StoreOptions) -> Self {
        let state = State {
            series: HashMap::default(),
            by_identity: HashMap::new(),
            by_form: HashMap::default(),
            next_id: 0,
            overflowing: 0,
            descriptors: HashMap::new(),
            portions: VecDeque::new(),
            next_push: Instant::now() + options.push_interval,
            pushed: None,
            overflowed_samples: 0,
        };
        Self { options, closing: AtomicBool::new(false), state: Mutex::new(state) }
    }

    /// Adds a sample. `form` is an encoded form of the series, `identity` makes its labels when the form is new.
    pub(crate) fn record(
        &self,
        metric: &Arc<Metric>,
        form: Vec<u8>,
        identity: impl FnOnce() -> Result<(Identity, Identity), Refusal>,
        sample: &Sample,
    ) -> Result<(), Refusal> {
        if metric.kind == Kind::Cumulative && sample.is_negative() {
            return Err(Refusal::Negative);
        }
        let mut state = self.state.lock();
        let id = match state.by_form.get(form.as_slice()) {
            Some(id) => *id,
            None => {
                let (identity, overflow) = identity()?;
                self.find(&mut state, metric, (form, sample.value_type()), (identity, overflow))?
            }
        };
        let Some(series) = state.series.get_mut(&id) else { return Err(Refusal::SeriesLimit) };
        series.value.add(metric, sample);
        series.touched = true;
        series.last_sample = Instant::now();
        Ok(())
    }

    /// The series of an identity, which may be new, or when there is no room, the overflow series.
    fn find(
        &self,
        state: &mut State,
        metric: &Arc<Metric>,
        (form, value): (Vec<u8>, ValueType),
        (identity, overflow): (Identity, Identity),
    ) -> Result<u64, Refusal> {
        let max = self.options.max_series;
        if let Some(id) = state.by_identity.get(&identity) {
            let id = *id;
            if state.by_form.len() >= max.saturating_mul(FORMS) {
                state.by_form.clear();
            }
            state.by_form.insert(form.into(), id);
            return Ok(id);
        }
        if state.series.len().saturating_sub(state.overflowing) < max {
            let id = state.begin(metric, value, identity);
            state.by_form.insert(form.into(), id);
            return Ok(id);
        }
        state.overflowed_samples += 1;
        if let Some(id) = state.by_identity.get(&overflow) {
            return Ok(*id);
        }
        if state.overflowing >= max.max(1) {
            return Err(Refusal::SeriesLimit);
        }
        state.overflowing += 1;
        Ok(state.begin(metric, value, overflow))
    }

    /// How long to wait before the last push, so that its points are not too near to those before them.
    pub(crate) fn until_last_push(&self) -> Duration {
        let state = self.state.lock();
        let touched = state.series.values().any(|series| series.touched);
        match state.pushed {
            Some((when, _)) if touched => {
                (when + SHORTEST_PUSH_INTERVAL).saturating_duration_since(Instant::now())
            }
            _ => Duration::ZERO,
        }
    }

    /// From now on everything is handed out at once.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// The next push, in portions.
    fn push(&self, state: &mut State, now: (Instant, SystemTime), closing: bool) {
        let (instant, time) = now;
        // A clock that was set back does not make points older than those before.
        let least = state.pushed.map(|(_, end)| end + STEP);
        let end = least.filter(|least| *least > time && *least < time + MOST_AHEAD).unwrap_or(time);
        let mut items = Vec::new();
        for (id, series) in &mut state.series {
            let wanted = series.touched || (series.metric.kind == Kind::Cumulative && !closing);
            if !wanted {
                continue;
            }
            let json = json::time_series(series.point(end));
            let descriptor = state.descriptors.get(&series.metric.metric_type);
            let descriptor = descriptor.map(|(_, descriptor)| descriptor.clone());
            items.push(SeriesItem { series: *id, json, descriptor });
            series.next(end);
        }
        state.pushed = Some((instant, end));
        let calls = items.len().div_ceil(CALL_SERIES).max(1);
        let step = self.options.push_interval / u32::try_from(calls).unwrap_or(u32::MAX);
        let mut due = instant;
        while !items.is_empty() {
            let rest = items.split_off(items.len().min(CALL_SERIES));
            state.portions.push_back((due, std::mem::replace(&mut items, rest)));
            due += step;
        }
        if state.overflowed_samples > 0 {
            tracing::warn!(
                samples = std::mem::take(&mut state.overflowed_samples),
                "there are more series than max_series; samples went into series without labels"
            );
        }
    }
}

impl State {
    fn begin(&mut self, metric: &Arc<Metric>, value: ValueType, identity: Identity) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        if metric.is_ours() {
            self.describe(metric, value, &identity);
        }
        let identity = Arc::new(identity);
        let series = Series {
            identity: identity.clone(),
            metric: metric.clone(),
            value: Value::new(value, metric),
            start: None,
            touched: false,
            last_sample: Instant::now(),
        };
        self.series.insert(id, series);
        self.by_identity.insert(identity, id);
        id
    }

    /// Sees to it that the descriptor has every label that series have.
    fn describe(&mut self, metric: &Metric, value: ValueType, identity: &Identity) {
        let mut keys = match self.descriptors.get(&metric.metric_type) {
            Some((keys, _)) if identity.label_keys.iter().all(|key| keys.contains(key)) => return,
            Some((keys, _)) => keys.clone(),
            None => BTreeSet::new(),
        };
        keys.extend(identity.label_keys.iter().cloned());
        let descriptor = Arc::new(Descriptor::new(metric, value, &keys));
        self.descriptors.insert(metric.metric_type.clone(), (keys, descriptor));
    }

    fn expire(&mut self, age: Duration, now: Instant) {
        let Self { series, by_identity, overflowing, .. } = self;
        let before = series.len();
        series.retain(|_, series| {
            let live = series.touched || now.saturating_duration_since(series.last_sample) < age;
            if !live {
                by_identity.remove(&series.identity);
                *overflowing -= usize::from(series.identity.overflow && *overflowing > 0);
            }
            live
        });
        if series.len() < before {
            let known = &self.series;
            self.by_form.retain(|_, id| known.contains_key(id));
        }
    }
}

impl Series {
    fn point(&self, end: SystemTime) -> json::Point<'_> {
        let start = match self.metric.kind {
            Kind::Gauge => None,
            // Later than whatever an earlier process or handler has written, which is not known here.
            Kind::Delta | Kind::Cumulative => Some(self.start.unwrap_or(end - STEP)),
        };
        json::Point { identity: &self.identity, metric: &self.metric, value: &self.value, start, end }
    }

    /// After a point that ends now.
    fn next(&mut self, end: SystemTime) {
        self.touched = false;
        match self.metric.kind {
            Kind::Gauge => self.value.clear_distribution(),
            Kind::Delta => {
                self.value.clear();
                self.start = Some(end + STEP);
            }
            Kind::Cumulative => self.start = self.start.or(Some(end - STEP)),
        }
    }
}

impl Collector for Store {
    type Item = SeriesItem;

    fn take(&self, now: SystemTime) -> Vec<SeriesItem> {
        let closing = self.closing.load(Ordering::Relaxed);
        let instant = Instant::now();
        let mut state = self.state.lock();
        if closing || instant >= state.next_push {
            let interval = self.options.push_interval;
            while state.next_push <= instant {
                state.next_push += interval;
            }
            self.push(&mut state, (instant, now), closing);
            state.expire(self.options.expiry, instant);
        }
        let mut items = Vec::new();
        while let Some((_, portion)) = state.portions.pop_front_if(|(due, _)| closing || *due <= instant) {
            items.extend(portion);
        }
        items
    }

    fn level(&self) -> (usize, usize) {
        let state = self.state.lock();
        let waiting: usize = state.portions.iter().map(|(_, items)| items.len()).sum();
        let items = waiting + state.series.len();
        (items, items.saturating_mul(SERIES_BYTES))
    }

    fn is_due(&self, _: usize) -> bool {
        // Series do not grow with what comes.
        false
    }
}

/// A point of a gauge that is in no store, for tests of the way.
pub(crate) fn test_item(
    metric: &Metric,
    labels: BTreeMap<String, String>,
    resource: &Resource,
    (value, end): (&Value, SystemTime),
) -> SeriesItem {
    let identity = identity::identity(metric, ValueType::Int64, labels, resource);
    let json = json::time_series(json::Point { identity: &identity, metric, value, start: None, end });
    SeriesItem { series: 0, json, descriptor: None }
}

#[cfg(test)]
mod tests;
