//! Takes instances into the metrics that the configuration names for them.

use std::collections::HashMap;
use std::future::ready;
use std::sync::Arc;

use foldhash::fast::RandomState;
use mixer_adapter_sdk::delivery::BackendMetrics;
use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::view::MetricView;
use mixer_adapter_sdk::{BoxFuture, Handler, HandlerError, Instance, ReportCall, ReportOutcome};
use parking_lot::Mutex;
use tokio::task::AbortHandle;

use crate::config::{Config, Expiry};
use crate::refusal::Refusal;
use crate::remote_write::{self, SenderLease};
use crate::scrape::ScrapeLease;
use crate::self_test;
use crate::store::{Metric, Registration, Store};

/// The metrics that each instance goes into, by the instance's full name.
type ByInstance = HashMap<String, Vec<Arc<Metric>>, RandomState>;

pub(crate) struct PrometheusHandler {
    store: Arc<Store>,
    metrics: ByInstance,
    /// Of remote write, when there is any.
    delivery: Option<BackendMetrics>,
    held: Mutex<Option<Held>>,
}

/// What a handler lets go of when it is closed.
pub(crate) struct Held {
    /// Senders send the metrics once more; only then may they be gone.
    registration: Registration,
    expiry: Option<AbortOnDrop>,
    scrape: Option<ScrapeLease>,
    senders: Vec<SenderLease>,
}

impl Held {
    pub(crate) fn new(
        registration: Registration,
        scrape: Option<ScrapeLease>,
        senders: Vec<SenderLease>,
    ) -> Self {
        Self { registration, expiry: None, scrape, senders }
    }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl PrometheusHandler {
    pub(crate) fn new(store: Arc<Store>, config: &Config, metrics: Vec<Arc<Metric>>, mut held: Held) -> Self {
        let mut by_instance = ByInstance::default();
        for (config, metric) in config.metrics.iter().zip(&metrics) {
            let targets = by_instance.entry(config.instance.clone()).or_default();
            if !targets.iter().any(|known| Arc::ptr_eq(known, metric)) {
                targets.push(metric.clone());
            }
        }
        held.expiry = config.expiry.map(|expiry| {
            let task = tokio::spawn(expire(store.clone(), metrics, expiry));
            AbortOnDrop(task.abort_handle())
        });
        let delivery = match held.senders.is_empty() {
            true => None,
            false => remote_write::metrics().ok(),
        };
        Self { store, metrics: by_instance, delivery, held: Mutex::new(Some(held)) }
    }

    #[inline]
    fn take(&self, instance: &Instance<'_>, now: u64) -> Result<(), Refusal> {
        let metrics = self.metrics.get(instance.name).ok_or(Refusal::UnknownInstance)?;
        let view = MetricView::parse(instance.bytes)?;
        let value = number(view.value()?)?;
        let mut result = Ok(());
        for metric in metrics {
            result = result.and(metric.record(view.dimensions(), value, now));
        }
        result
    }
}

#[inline]
fn number(value: Option<ValueView<'_>>) -> Result<f64, Refusal> {
    let value = value.ok_or(Refusal::NoValue)?;
    value.as_f64().ok_or_else(|| Refusal::NotANumber(value.to_string()))
}

/// Removes series that are no longer updated.
async fn expire(store: Arc<Store>, metrics: Vec<Arc<Metric>>, expiry: Expiry) {
    let after = u64::try_from(expiry.after.as_millis()).unwrap_or(u64::MAX);
    let mut interval = tokio::time::interval(expiry.check_every);
    loop {
        interval.tick().await;
        let Some(oldest) = store.now().checked_sub(after) else { continue };
        let metrics = metrics.clone();
        // A pass over many series takes longer than a task should.
        let removed = tokio::task::spawn_blocking(move || {
            metrics.iter().map(|metric| metric.expire(oldest)).sum::<usize>()
        });
        if let Ok(removed @ 1..) = removed.await {
            tracing::debug!(series = removed, "series expired");
        }
    }
}

impl Handler for PrometheusHandler {
    fn report<'a>(&'a self, call: ReportCall<'a>) -> BoxFuture<'a, Result<ReportOutcome, HandlerError>> {
        let now = self.store.now();
        let mut outcome = ReportOutcome::complete();
        let mut taken = 0;
        for instance in call.batch.iter() {
            match self.take(&instance, now) {
                Ok(()) => taken += 1,
                Err(refusal) => {
                    outcome.drop_one(refusal.reason(), || format!("{}: {refusal}", instance.name));
                }
            }
        }
        if let Some(delivery) = &self.delivery {
            delivery.collected(taken);
        }
        Box::pin(ready(Ok(outcome)))
    }

    fn self_test(&self) -> BoxFuture<'_, Result<(), HandlerError>> {
        let (scrape, testers) = match &*self.held.lock() {
            Some(held) => (
                held.scrape.as_ref().map(ScrapeLease::address),
                held.senders.iter().map(SenderLease::tester).collect(),
            ),
            None => (None, Vec::new()),
        };
        Box::pin(async move {
            let metrics = self.metrics.values().flatten();
            let mut names: Vec<&str> = metrics.map(|metric| metric.definition().name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            self_test::run(scrape, testers, &names).await
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let held = self.held.lock().take();
            let Some(Held { registration, expiry, scrape, senders }) = held else { return };
            drop(expiry);
            futures::future::join_all(senders.into_iter().map(SenderLease::release)).await;
            drop(registration);
            if let Some(scrape) = scrape {
                scrape.release().await;
            }
        })
    }
}
