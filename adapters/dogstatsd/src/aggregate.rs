//! Puts values together until the next flush: for each metric and set of tags a sum, the last value, different values, or
//! all values packed into one line (DogStatsD protocol 1.1).

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use mixer_adapter_sdk::delivery::datagram::{LineNumber, Lines};
use parking_lot::Mutex;

use crate::config::Metric;
use crate::line::{MetricLine, Style};

/// The most different values of one set between two flushes.
const MAX_SET: usize = 1000;

/// What is kept between two flushes.
#[derive(Debug)]
pub(crate) struct Aggregator {
    /// Beside each metric of the configuration, by tags.
    series: Vec<Mutex<ByTags>>,
    limits: Limits,
    count: AtomicUsize,
    /// Nobody flushes any more.
    closed: AtomicBool,
}

type ByTags = HashMap<Box<[u8]>, Entry, RandomState>;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most sets of tags.
    pub(crate) series: usize,
    /// The longest line, without its end.
    pub(crate) line: usize,
}

/// What is known of a set of tags, and of how many instances.
#[derive(Debug)]
struct Entry {
    state: State,
    items: usize,
}

#[derive(Debug)]
enum State {
    Sum(LineNumber),
    Last(LineNumber),
    Different(BTreeSet<String>),
    Packed { kind: &'static str, values: String },
}

/// One more value of a metric.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Count(LineNumber),
    Gauge(LineNumber),
    Set(&'a str),
    Sample(&'static str, LineNumber),
}

impl Value<'_> {
    fn begin(self) -> State {
        match self {
            Self::Count(number) => State::Sum(number),
            Self::Gauge(number) => State::Last(number),
            Self::Set(text) => State::Different([text.to_owned()].into()),
            Self::Sample(kind, number) => State::Packed { kind, values: number.to_string() },
        }
    }
}

impl Aggregator {
    pub(crate) fn new(metrics: usize, limits: Limits) -> Self {
        let series = (0..metrics).map(|_| Mutex::default()).collect();
        Self { series, limits, count: AtomicUsize::new(0), closed: AtomicBool::new(false) }
    }

    /// Takes a value, unless there is no room for it, or it comes too late. A line that is full is added to `lines`.
    pub(crate) fn record(
        &self,
        (index, metric): (usize, &Metric),
        tags: &[u8],
        value: Value<'_>,
        full: impl FnOnce(&str, &'static str, usize),
    ) -> bool {
        let Some(series) = self.series.get(index) else { return false };
        let mut series = series.lock();
        if self.closed.load(Ordering::Relaxed) {
            return false;
        }
        let Some(entry) = series.get_mut(tags) else {
            if self.count.fetch_add(1, Ordering::Relaxed) >= self.limits.series {
                self.count.fetch_sub(1, Ordering::Relaxed);
                return false;
            }
            series.insert(tags.into(), Entry { state: value.begin(), items: 1 });
            return true;
        };
        match (&mut entry.state, value) {
            (State::Sum(sum), Value::Count(number)) => match add(*sum, number) {
                Some(total) => *sum = total,
                None => return false,
            },
            (State::Last(last), Value::Gauge(number)) => *last = number,
            (State::Different(known), Value::Set(text)) => {
                if !known.contains(text) {
                    if known.len() >= MAX_SET {
                        return false;
                    }
                    known.insert(text.to_owned());
                }
            }
            (State::Packed { kind, values }, Value::Sample(wanted, number)) if *kind == wanted => {
                let before = values.len();
                // Memory takes every write.
                let _ = write!(values, ":{number}");
                if metric.head.len() + tags.len() + values.len() > self.limits.line {
                    full(values.get(..before).unwrap_or_default(), kind, entry.items);
                    entry.items = 0;
                    *values = number.to_string();
                }
            }
            _ => return false,
        }
        entry.items += 1;
        true
    }

    /// Lets go of what nobody will send, and says of how many instances it was. Nothing is taken after that.
    pub(crate) fn abandon(&self) -> usize {
        // What is taken before the lock of its series is let go of below; after it this is seen.
        self.closed.store(true, Ordering::Relaxed);
        let items =
            |series: &Mutex<ByTags>| series.lock().drain().map(|(_, entry)| entry.items).sum::<usize>();
        self.series.iter().map(items).sum()
    }

    /// Writes what was put together, and begins anew. With a timestamp counters and gauges get it.
    pub(crate) fn flush(
        &self,
        lines: &mut Lines,
        (style, metrics, rate): (&Style, &[Metric], f64),
        timestamp: Option<u64>,
    ) {
        for (series, metric) in self.series.iter().zip(metrics) {
            let taken = std::mem::take(&mut *series.lock());
            self.count.fetch_sub(taken.len(), Ordering::Relaxed);
            let mut taken: Vec<_> = taken.into_iter().collect();
            taken.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            for (tags, entry) in taken {
                entry.write(lines, (style, metric, rate), &tags, timestamp);
            }
        }
    }
}

impl Entry {
    fn write(
        &self,
        lines: &mut Lines,
        (style, metric, rate): (&Style, &Metric, f64),
        tags: &[u8],
        timestamp: Option<u64>,
    ) {
        let line =
            |value, kind| MetricLine { head: &metric.head, value, kind, rate: 1.0, tags, timestamp: None };
        match &self.state {
            State::Sum(number) | State::Last(number) => {
                let kind = if matches!(self.state, State::Sum(_)) { "c" } else { "g" };
                let value = number.to_string();
                lines.add(self.items, |out| {
                    style.metric(out, &MetricLine { timestamp, ..line(value.as_str(), kind) });
                });
            }
            State::Different(values) => {
                // Of the instances that had the same value one line goes.
                let mut items = self.items;
                for (index, value) in values.iter().enumerate() {
                    let rest = values.len() - index - 1;
                    let of_this = if rest == 0 { items } else { 1 };
                    items -= of_this;
                    lines.add(of_this, |out| style.metric(out, &line(value, "s")));
                }
            }
            State::Packed { kind, values } => {
                lines.add(self.items, |out| style.metric(out, &MetricLine { rate, ..line(values, kind) }));
            }
        }
    }
}

/// The sum, when it can be said.
fn add(a: LineNumber, b: LineNumber) -> Option<LineNumber> {
    let exact = match (a, b) {
        (LineNumber::Integer(a), LineNumber::Integer(b)) => a.checked_add(b).map(LineNumber::Integer),
        (LineNumber::Nanos(a), LineNumber::Nanos(b)) => a.checked_add(b).map(LineNumber::Nanos),
        (LineNumber::Double(a), LineNumber::Double(b)) => Some(LineNumber::Double(a + b)),
        _ => None,
    };
    let finite = |sum: &LineNumber| sum.as_f64().is_finite();
    // What does not fit goes on its own, and the agent adds it up.
    exact.filter(finite)
}
