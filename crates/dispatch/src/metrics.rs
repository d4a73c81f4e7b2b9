//! The metrics of dispatch, built from the registry handed in. Names and labels of the first groups are those
//! of the original; `_total` on gauges is kept for its dashboards.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mixer_config::snapshot::Snapshot;
use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// Buckets of `mixer_runtime_dispatch_duration_seconds`.
const DURATIONS: [f64; 16] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Buckets of what one request leads to.
const FAN_OUT: [f64; 12] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0];

/// The value of the label `rule` for rules that were passed over together.
pub(crate) const ANY_RULE: &str = "*";

const DISPATCH_LABELS: [&str; 4] = ["meshFunction", "handler", "adapter", "error"];

/// Everything that dispatch counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    dispatches: IntCounterVec,
    durations: HistogramVec,
    pub(crate) destinations_per_request: Histogram,
    pub(crate) instances_per_request: Histogram,
    pub(crate) destinations_per_variety: IntGaugeVec,
    pub(crate) losses: Losses,
    /// How often the breaker of a handler opened.
    pub(crate) breaker_openings: IntCounterVec,
    /// What becomes of certificates, tokens and handshakes of gRPC handlers.
    pub(crate) identity: IdentityCounters,
    pub(crate) handlers: HandlerGauges,
    config: ConfigGauges,
}

/// Certificates, tokens and handshakes, by handler.
#[derive(Clone, Debug)]
pub(crate) struct IdentityCounters {
    /// Handshakes that failed, by reason.
    pub(crate) refused: IntCounterVec,
    /// News of certificates, by result.
    pub(crate) certificates: IntCounterVec,
    /// News of tokens, by result.
    pub(crate) tokens: IntCounterVec,
    /// Until when our certificate is valid.
    pub(crate) expiry: IntGaugeVec,
}

/// What was left out, lost or passed over.
#[derive(Debug)]
pub(crate) struct Losses {
    /// Instances that no handler used, by handler and reason.
    pub(crate) dropped_instances: IntCounterVec,
    /// Bags of a report that were not dispatched at all, by reason.
    pub(crate) dropped_bags: IntCounterVec,
    /// Conditions that could not be evaluated, by rule and reason.
    pub(crate) match_errors: IntCounterVec,
    /// Instances that could not be made, by instance and reason.
    pub(crate) instance_errors: IntCounterVec,
    /// Header operations and attribute bindings that were left out, by rule or instance and reason.
    pub(crate) value_errors: IntCounterVec,
    /// Failures that `failurePolicy: Ignore` passed over, by handler and reason.
    pub(crate) ignored_failures: IntCounterVec,
    /// Quotas that were asked for and are not configured, by what was done.
    pub(crate) unknown_quotas: IntCounterVec,
    /// Grants that were made and not used because an earlier rule's grant counts, by handler.
    pub(crate) skipped_grants: IntCounterVec,
}

/// Counts of the last change of configuration.
#[derive(Debug)]
pub(crate) struct HandlerGauges {
    pub(crate) built: IntGauge,
    pub(crate) reused: IntGauge,
    pub(crate) closed: IntGauge,
    pub(crate) build_failures: IntGauge,
    pub(crate) close_failures: IntGauge,
    pub(crate) unsatisfied_actions: IntGauge,
}

#[derive(Debug)]
struct ConfigGauges {
    attributes: IntGauge,
    match_errors: IntGauge,
    // Kind of the resource, valid ones, errors.
    kinds: Vec<(&'static str, Option<IntGauge>, Option<IntGauge>)>,
}

/// What the current configuration has, by name.
struct Names<'s> {
    handlers: HashSet<&'s str>,
    rules: HashSet<&'s str>,
    instances: HashSet<&'s str>,
}

/// Removes the series whose label has none of these values.
fn keep<B: MetricVecBuilder>(vec: &MetricVec<B>, label: &str, names: &HashSet<&str>) {
    for family in vec.collect() {
        for metric in family.get_metric() {
            let labels = metric.get_label().iter().map(|pair| (pair.name(), pair.value()));
            let labels: HashMap<&str, &str> = labels.collect();
            if labels.get(label).is_some_and(|name| !names.contains(name)) && vec.remove(&labels).is_err() {
                tracing::debug!(?labels, "the series is gone already");
            }
        }
    }
}

/// Registers as it makes.
struct Maker<'a>(&'a Registry);

impl Maker<'_> {
    fn add<C: Collector + Clone + 'static>(&self, collector: prometheus::Result<C>) -> prometheus::Result<C> {
        let collector = collector?;
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.add(IntGauge::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
        self.add(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn fan_out(&self, name: &str, help: &str) -> prometheus::Result<Histogram> {
        self.add(Histogram::with_opts(HistogramOpts::new(name, help).buckets(FAN_OUT.to_vec())))
    }
}

impl Metrics {
    /// Registers everything.
    ///
    /// # Errors
    /// The registry has a metric of one of the names already.
    pub(crate) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let make = Maker(registry);
        let durations = HistogramOpts::new(
            "mixer_runtime_dispatch_duration_seconds",
            "Time of the calls of adapters, in seconds.",
        );
        let by_variety = Opts::new(
            "mixer_dispatcher_destinations_per_variety_total",
            "Pairs of handler and template that rules lead to, by variety, summed over namespaces.",
        );
        Ok(Self {
            dispatches: make.counters(
                "mixer_runtime_dispatches_total",
                "Calls of adapters.",
                &DISPATCH_LABELS,
            )?,
            durations: make
                .add(HistogramVec::new(durations.buckets(DURATIONS.to_vec()), &DISPATCH_LABELS))?,
            destinations_per_request: make.fan_out(
                "mixer_dispatcher_destinations_per_request",
                "Pairs of handler and template that one request led to.",
            )?,
            instances_per_request: make.fan_out(
                "mixer_dispatcher_instances_per_request",
                "Instances that were made of one request.",
            )?,
            destinations_per_variety: make.add(IntGaugeVec::new(by_variety, &["variety"]))?,
            losses: Losses::new(&make)?,
            breaker_openings: make.counters(
                "mixer_handler_breaker_openings_total",
                "How often the breaker of a gRPC handler opened.",
                &["handler"],
            )?,
            identity: IdentityCounters::new(&make)?,
            handlers: HandlerGauges::new(&make)?,
            config: ConfigGauges::new(&make)?,
        })
    }

    /// Says what the configuration that takes effect now consists of. Series of handlers, rules and instances
    /// that are gone go with them.
    pub(crate) fn set_config(&self, snapshot: &Snapshot) {
        let names = Names {
            handlers: snapshot.handlers.iter().map(|handler| &*handler.spec.name).collect(),
            rules: snapshot.rules.iter().map(|rule| &*rule.name).chain([ANY_RULE]).collect(),
            instances: snapshot.instances.iter().map(|instance| &*instance.name).collect(),
        };
        keep(&self.dispatches, "handler", &names.handlers);
        keep(&self.durations, "handler", &names.handlers);
        keep(&self.breaker_openings, "handler", &names.handlers);
        self.identity.keep_only(&names);
        self.losses.keep_only(&names);
        let counts = &snapshot.counts;
        let of = |map: &std::collections::BTreeMap<&'static str, usize>, kind| {
            map.get(kind).copied().unwrap_or_default() as i64
        };
        self.config.attributes.set(counts.attributes as i64);
        self.config.match_errors.set(counts.match_errors as i64);
        for (kind, valid, errors) in &self.config.kinds {
            if let Some(valid) = valid {
                valid.set(of(&counts.valid, kind));
            }
            if let Some(errors) = errors {
                errors.set(of(&counts.errors, kind));
            }
        }
    }
}

impl IdentityCounters {
    fn keep_only(&self, names: &Names<'_>) {
        keep(&self.refused, "handler", &names.handlers);
        keep(&self.certificates, "handler", &names.handlers);
        keep(&self.tokens, "handler", &names.handlers);
        keep(&self.expiry, "handler", &names.handlers);
    }

    fn new(make: &Maker<'_>) -> prometheus::Result<Self> {
        let expiry = Opts::new(
            "mixer_handler_certificate_expiry_timestamp_seconds",
            "Until when the certificate that a gRPC handler shows is valid, in seconds since 1970.",
        );
        Ok(Self {
            refused: make.counters(
                "mixer_handler_connections_refused_total",
                "Handshakes with gRPC adapters that failed.",
                &["handler", "reason"],
            )?,
            certificates: make.counters(
                "mixer_handler_certificate_updates_total",
                "News of the certificates of gRPC handlers, by result.",
                &["handler", "result"],
            )?,
            tokens: make.counters(
                "mixer_handler_token_updates_total",
                "News of the tokens of gRPC handlers, by result.",
                &["handler", "result"],
            )?,
            expiry: make.add(IntGaugeVec::new(expiry, &["handler"]))?,
        })
    }
}

impl Losses {
    fn keep_only(&self, names: &Names<'_>) {
        keep(&self.dropped_instances, "handler", &names.handlers);
        keep(&self.ignored_failures, "handler", &names.handlers);
        keep(&self.skipped_grants, "handler", &names.handlers);
        keep(&self.match_errors, "rule", &names.rules);
        keep(&self.instance_errors, "instance", &names.instances);
        keep(&self.value_errors, "resource", &names.rules.union(&names.instances).copied().collect());
    }

    fn new(make: &Maker<'_>) -> prometheus::Result<Self> {
        Ok(Self {
            dropped_instances: make.counters(
                "mixer_dispatcher_dropped_instances_total",
                "Instances of reports that no handler used.",
                &["handler", "reason"],
            )?,
            dropped_bags: make.counters(
                "mixer_dispatcher_dropped_bags_total",
                "Bags of reports that were not dispatched at all.",
                &["reason"],
            )?,
            match_errors: make.counters(
                "mixer_dispatcher_match_errors_total",
                "Matches of rules that could not be evaluated; \"absent\" means that the rule does not apply.",
                &["rule", "reason"],
            )?,
            instance_errors: make.counters(
                "mixer_dispatcher_instance_errors_total",
                "Instances that could not be made of a request.",
                &["instance", "reason"],
            )?,
            value_errors: make.counters(
                "mixer_dispatcher_value_errors_total",
                "Header operations and attribute bindings left out because their value could not be evaluated.",
                &["resource", "reason"],
            )?,
            ignored_failures: make.counters(
                "mixer_dispatcher_ignored_failures_total",
                "Failures of handlers with failurePolicy Ignore.",
                &["handler", "reason"],
            )?,
            unknown_quotas: make.counters(
                "mixer_dispatcher_unknown_quotas_total",
                "Quotas asked for that are not configured for the request's namespace.",
                &["outcome"],
            )?,
            skipped_grants: make.counters(
                "mixer_dispatcher_skipped_grants_total",
                "Quota results not used because the result of an earlier rule counts.",
                &["handler"],
            )?,
        })
    }
}

impl HandlerGauges {
    fn new(make: &Maker<'_>) -> prometheus::Result<Self> {
        let gauge = |name: &str, what: &str| {
            make.gauge(&format!("mixer_handler_{name}_total"), &format!("{what} at the last change."))
        };
        Ok(Self {
            built: gauge("new_handlers", "Handlers built")?,
            reused: gauge("reused_handlers", "Handlers kept")?,
            closed: gauge("closed_handlers", "Handlers closed")?,
            build_failures: gauge("handler_build_failures", "Handlers that could not be built")?,
            close_failures: gauge("handler_close_failures", "Handlers that did not close in time")?,
            unsatisfied_actions: make.gauge(
                "mixer_config_unsatisfied_action_handler_total",
                "Actions whose handler could not be built.",
            )?,
        })
    }
}

impl ConfigGauges {
    fn new(make: &Maker<'_>) -> prometheus::Result<Self> {
        let gauge = |name: &str, what: &str| {
            make.gauge(
                &format!("mixer_config_{name}_total"),
                &format!("{what} of the current configuration."),
            )
        };
        let kind = |kind: &'static str, name: &str, what: &str| {
            let valid = gauge(&format!("{name}_configs"), &format!("Valid {what}"))?;
            let errors = gauge(&format!("{name}_config_errors"), &format!("Errors in {what}"))?;
            Ok::<_, prometheus::Error>((kind, Some(valid), Some(errors)))
        };
        let kinds = vec![
            ("handler", Some(gauge("handler_configs", "Valid handlers")?), None),
            ("handler", None, Some(gauge("handler_validation_error", "Errors in handlers")?)),
            kind("instance", "instance", "instances")?,
            kind("rule", "rule", "rules")?,
            kind("adapter", "adapter_info", "adapters")?,
            kind("template", "template", "templates")?,
        ];
        Ok(Self {
            attributes: gauge("attributes", "Attributes")?,
            match_errors: gauge("rule_config_match_error", "Rules left out for their match")?,
            kinds,
        })
    }
}

/// One line of `mixer_runtime_dispatches_total` and its duration.
#[derive(Debug)]
struct Series {
    count: IntCounter,
    duration: Histogram,
}

/// What is counted for calls of one handler with one template. Series are made when they first count.
#[derive(Debug)]
pub(crate) struct DispatchMetrics {
    metrics: Arc<Metrics>,
    template: Arc<str>,
    handler: Arc<str>,
    adapter: Arc<str>,
    answered: OnceLock<Series>,
    failed: OnceLock<Series>,
}

impl DispatchMetrics {
    pub(crate) fn new(
        metrics: &Arc<Metrics>,
        template: &Arc<str>,
        handler: &Arc<str>,
        adapter: &Arc<str>,
    ) -> Self {
        Self {
            metrics: metrics.clone(),
            template: template.clone(),
            handler: handler.clone(),
            adapter: adapter.clone(),
            answered: OnceLock::new(),
            failed: OnceLock::new(),
        }
    }

    /// Counts one call.
    pub(crate) fn count(&self, failed: bool, duration: Duration) {
        let (series, error) = if failed { (&self.failed, "true") } else { (&self.answered, "false") };
        let series = series.get_or_init(|| {
            let labels: [&str; 4] = [&self.template, &self.handler, &self.adapter, error];
            Series {
                count: self.metrics.dispatches.with_label_values(&labels),
                duration: self.metrics.durations.with_label_values(&labels),
            }
        });
        series.count.inc();
        series.duration.observe(duration.as_secs_f64());
    }
}
