//! Exemplars: which request a value was measured at, by dimensions that are no labels of the series.

use std::sync::Arc;

use mixer_adapter_sdk::delivery::DeliveryMetrics;
use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::ValueMap;
use mixer_adapter_sdk::wire::{Fields, Malformed};

use crate::config::clean;

/// The most characters of all names and values of an exemplar's labels. (OpenMetrics 1.0, "Exemplars".)
const MAX_CHARACTERS: usize = 128;

/// The labels of an exemplar, in the order of their names.
pub(crate) type ExemplarLabels = Arc<[(String, String)]>;

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) labels: ExemplarLabels,
    pub(crate) value: f64,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
}

/// Dimensions, divided into those of the series and those of an exemplar.
#[derive(Debug, Default)]
pub(crate) struct Divided<'a> {
    /// The encoded entries of the series.
    pub(crate) series: Vec<u8>,
    exemplar: Vec<(&'a str, ValueView<'a>)>,
}

impl<'a> Divided<'a> {
    /// Divides encoded dimensions by the names of exemplar labels.
    pub(crate) fn new(dimensions: &'a [u8], names: &[String]) -> Result<Self, Malformed> {
        let mut divided = Self { series: Vec::with_capacity(dimensions.len()), ..Self::default() };
        let mut entries = Fields::new(dimensions);
        while let Some((start, entry)) = entries.next_from() {
            let (mut key, mut value) = ("", None);
            for field in Fields::new(entry?.bytes()?) {
                let field = field?;
                match field.number {
                    1 => key = field.text()?,
                    2 => value = Some(field.bytes()?),
                    _ => {}
                }
            }
            if !names.iter().any(|name| *name == clean(key)) {
                divided
                    .series
                    .extend_from_slice(dimensions.get(start..entries.position()).unwrap_or_default());
            } else if let Some(value) = ValueView::parse(value.unwrap_or_default())? {
                divided.exemplar.push((key, value));
            }
        }
        Ok(divided)
    }

    /// The dimensions of the series.
    pub(crate) fn dimensions(&self) -> ValueMap<'_> {
        ValueMap::of_raw(&self.series)
    }

    /// The labels of the exemplar: none when there is no value for them, and an error with their length when they
    /// are longer than is allowed.
    pub(crate) fn labels(&self) -> Result<Option<ExemplarLabels>, usize> {
        let text =
            |(key, value): &(&str, ValueView<'_>)| (clean(key).into_owned(), value.text().into_owned());
        let mut labels: Vec<_> =
            self.exemplar.iter().map(text).filter(|(_, value)| !value.is_empty()).collect();
        labels.sort_unstable();
        labels.dedup_by(|(a, _), (b, _)| a == b);
        let characters =
            labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
        match characters {
            0 => Ok(None),
            1..=MAX_CHARACTERS => Ok(Some(labels.into())),
            _ => Err(characters),
        }
    }
}

/// Counts an exemplar that is too long; its value counts without it. Each time there are twice as many there is a line in the log.
pub(crate) fn refused(metric: &str, characters: usize, so_far: u64) {
    if let Ok(metrics) = DeliveryMetrics::shared() {
        metrics.of("prometheus").dropped("exemplar_too_long", 1);
    }
    if so_far.is_power_of_two() {
        tracing::warn!(
            metric,
            so_far,
            "an exemplar with labels of {characters} characters was left out; {MAX_CHARACTERS} are allowed, so name fewer exemplar_labels"
        );
    }
}
