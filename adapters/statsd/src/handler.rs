//! Makes lines of metric instances and hands them to the sender.

use std::collections::HashMap;
use std::time::Duration;

use mixer_adapter_sdk::delivery::datagram::{LineSender, Lines, NoLines, probe};
use mixer_adapter_sdk::delivery::{DeliveryMetrics, change};
use mixer_adapter_sdk::typed::template::Metric as MetricTemplate;
use mixer_adapter_sdk::typed::{HandleReport, TypedReport};
use mixer_adapter_sdk::{BuildError, ErrorKind, HandlerError, HandlerSpec, ReportOutcome};

use crate::config::{Config, Metric, Style};
use crate::line::{self, Refusal};

/// How long sending may take at the end.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct StatsdHandler {
    metrics: HashMap<String, Metric>,
    style: Style,
    sender: LineSender,
}

impl StatsdHandler {
    pub(crate) fn build(config: Config, spec: &HandlerSpec) -> Result<Self, BuildError> {
        if config.metrics.is_empty() {
            tracing::warn!(handler = %spec.name, "`metrics` is empty: every instance will be dropped");
        }
        let metrics = DeliveryMetrics::shared().map_err(|error| BuildError(error.to_string()))?;
        let sender = LineSender::start(config.options, metrics.of("statsd"), NoLines);
        Ok(Self { metrics: config.metrics, style: config.style, sender })
    }

    /// Sends what waits.
    pub(crate) async fn close(&self) {
        self.sender.close(CLOSE_PATIENCE).await;
    }

    /// Looks whether somebody listens.
    pub(crate) async fn self_test(&self) -> Result<(), HandlerError> {
        let address = &self.sender.options().address;
        probe(address).await.map_err(|error| HandlerError::new(ErrorKind::Unavailable, error))
    }
}

impl HandleReport<MetricTemplate> for StatsdHandler {
    async fn report(&self, report: TypedReport<'_, MetricTemplate>) -> Result<ReportOutcome, HandlerError> {
        let mut lines = Lines::with_capacity(report.size());
        let mut changed = 0;
        let outcome = report.each(|name, view| {
            let metric = self.metrics.get(name).ok_or(Refusal::UnknownInstance)?;
            if self.style.rate < 1.0 && line::is_sampled(metric) && fastrand::f32() >= self.style.rate {
                return Ok(());
            }
            lines.try_add(1, |out| {
                changed += line::write(out, &self.style, metric, &view)?;
                Ok::<_, Refusal>(())
            })
        });
        self.sender.metrics().collected(lines.len());
        self.sender.metrics().received(lines.len());
        if changed > 0 {
            self.sender.metrics().changed(change::UNFIT, changed);
        }
        self.sender.send(&lines);
        Ok(outcome)
    }
}
