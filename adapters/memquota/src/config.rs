//! From the written configuration to limits.

use std::collections::HashMap;
use std::time::Duration;

use mixer_adapter_sdk::params::Problems;
use mixer_adapter_sdk::{FieldProblem, HandlerSpec};

use crate::generated::Params;
use crate::generated::params::{Algorithm, Override, Quota};

/// Cells of all quotas of a handler, where the configuration does not say.
const DEFAULT_MAX_CELLS: i64 = 100_000;
const DEFAULT_DEDUPLICATION: Duration = Duration::from_secs(1);

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) quotas: HashMap<String, Limits>,
    pub(crate) deduplication: Duration,
    pub(crate) max_cells: usize,
}

/// The limits of one quota.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) default: Limit,
    pub(crate) overrides: Vec<(Vec<(String, String)>, Limit)>,
}

/// How much in which window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) max_amount: i64,
    pub(crate) window: Window,
}

/// When an amount is free again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    /// When it is given back.
    None,
    /// So long after it was taken.
    Rolling(Duration),
    /// So long after the first amount of the window was taken.
    Fixed(Duration),
}

impl Window {
    /// How long a grant is good.
    pub(crate) fn duration(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Rolling(duration) | Self::Fixed(duration) => duration,
        }
    }
}

impl mixer_adapter_sdk::Config for Config {
    type Params = Params;
    const MESSAGE: &'static str = "adapter.memquota.config.Params";
    const DESCRIPTOR: &'static [u8] = include_bytes!("config.desc");

    /// Checks everything at once. Quotas of the spec's instances must have limits; a process of its own does not
    /// know its instances beforehand and refuses an unknown one when it is asked for.
    fn check(written: Params, spec: &HandlerSpec) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::new();
        let deduplication = written.min_deduplication_duration.as_ref();
        let deduplication =
            problems.duration("min_deduplication_duration", deduplication, DEFAULT_DEDUPLICATION);
        if deduplication.is_zero() {
            problems.add("min_deduplication_duration", "must be more than 0s");
        }
        let max_cells = problems.at_least("max_cells", written.max_cells, 1, DEFAULT_MAX_CELLS);
        let mut quotas = HashMap::new();
        for (index, quota) in written.quotas.into_iter().enumerate() {
            let field = format!("quotas[{index}]");
            let limits = limits(&field, &quota, &mut problems);
            if quota.name.is_empty() {
                problems.add(format!("{field}.name"), "is missing; it is the full name of a quota instance");
            } else if quotas.contains_key(&quota.name) {
                problems.add(format!("{field}.name"), format!("{} has limits already", quota.name));
            }
            quotas.insert(quota.name, limits);
        }
        for instance in spec.instances.iter().filter(|instance| !quotas.contains_key(&*instance.name)) {
            problems.add("quotas", format!("has no limit for {}, which a rule sends here", instance.name));
        }
        let max_cells = usize::try_from(max_cells).unwrap_or(usize::MAX);
        problems.unless_any(Self { quotas, deduplication, max_cells })
    }
}

fn limits(field: &str, quota: &Quota, problems: &mut Problems) -> Limits {
    let algorithm = Algorithm::try_from(quota.rate_limit_algorithm).unwrap_or_else(|_| {
        problems.add(format!("{field}.rate_limit_algorithm"), "is neither ROLLING_WINDOW nor FIXED_WINDOW");
        Algorithm::RollingWindow
    });
    let mut limit = |field: &str, max_amount: i64, duration: Option<&prost_types::Duration>| {
        let duration = problems.duration(&format!("{field}.valid_duration"), duration, Duration::ZERO);
        let max_amount = problems.at_least(&format!("{field}.max_amount"), Some(max_amount), 0, 0);
        let window = match algorithm {
            _ if duration.is_zero() => Window::None,
            Algorithm::RollingWindow => Window::Rolling(duration),
            Algorithm::FixedWindow => Window::Fixed(duration),
        };
        Limit { max_amount, window }
    };
    let default = limit(field, quota.max_amount, quota.valid_duration.as_ref());
    let overrides = quota.overrides.iter().enumerate().map(|(index, written)| {
        let Override { dimensions, max_amount, valid_duration } = written;
        let field = format!("{field}.overrides[{index}]");
        let dimensions = dimensions.iter().map(|(key, value)| (key.clone(), value.clone()));
        (dimensions.collect(), limit(&field, *max_amount, valid_duration.as_ref()))
    });
    Limits { default, overrides: overrides.collect() }
}
