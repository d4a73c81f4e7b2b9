//! Configuration in one line per resource, bags in one line, and the engine between them and a recorder.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mixer_attribute::{Bag, Cell, Duration, Presence, Referenced, Timestamp, ValueType, Vocabulary};
use mixer_config::snapshot::Snapshot;
use mixer_config::{CompileOptions, ReadOptions, compile, parse_documents};
use mixer_dispatch::{CheckError, CheckOutcome, Engine, EngineOptions, QuotaRequest, Runtime};
use mixer_testkit::Recorder;

/// An engine with a recorder as its only hosted adapter.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) recorder: Recorder,
    pub(crate) metrics: prometheus::Registry,
    compat: bool,
}

impl World {
    /// An engine without configuration.
    pub(crate) fn with(options: EngineOptions) -> Self {
        let recorder = Recorder::new();
        let metrics = prometheus::Registry::new();
        let compat = options.compat;
        let engine = Engine::new(options, recorder.registry(), &metrics).unwrap();
        Self { engine, recorder, metrics, compat }
    }

    /// An engine with this configuration.
    pub(crate) async fn new(config: &str) -> Self {
        let world = Self::with(EngineOptions::default());
        world.apply(config).await;
        world
    }

    /// The same, deciding as the original.
    pub(crate) async fn compat(config: &str) -> Self {
        let world = Self::with(EngineOptions { compat: true, ..EngineOptions::default() });
        world.apply(config).await;
        world
    }

    /// Makes a configuration effective.
    pub(crate) async fn apply(&self, config: &str) -> mixer_dispatch::ApplyReport {
        self.engine.apply(snapshot(config, &self.recorder, self.compat)).await
    }

    /// Checks one bag.
    pub(crate) async fn check(&self, bag: &str) -> Result<CheckOutcome, CheckError> {
        self.check_with(bag, &[], "").await
    }

    /// Checks one bag and asks for quotas.
    pub(crate) async fn check_with(
        &self,
        bag: &str,
        quotas: &[QuotaRequest<'_>],
        dedup_id: &str,
    ) -> Result<CheckOutcome, CheckError> {
        let runtime = self.engine.current();
        runtime.check(&mut bag_of(&runtime, bag), quotas, dedup_id, None).await
    }

    /// Reports bags in one call.
    pub(crate) async fn report(&self, bags: &[&str]) -> mixer_dispatch::ReportSummary {
        let runtime = self.engine.current();
        let mut reporter = runtime.reporter();
        for bag in bags {
            reporter.add(&mut bag_of(&runtime, bag)).await;
        }
        reporter.flush(None).await
    }

    /// What adapters were asked since the last time: `method handler [name=text …]`.
    pub(crate) fn calls(&self) -> Vec<String> {
        let line = |call: mixer_testkit::Recorded| {
            let texts = call.texts();
            let instances: Vec<String> =
                call.names().iter().zip(texts).map(|(name, text)| format!("{name}={text}")).collect();
            format!("{} {} {}", call.method, call.handler, instances.join(" "))
        };
        self.recorder.take_calls().into_iter().map(line).collect()
    }

    /// The value of a counter or gauge, or the number of observations of a histogram; 0 when it is not there.
    pub(crate) fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let families = self.metrics.gather();
        let found = families.iter().filter(|family| family.name() == name).flat_map(|f| f.get_metric());
        let has = |metric: &prometheus::proto::Metric, (key, value): &(&str, &str)| {
            metric.get_label().iter().any(|pair| pair.name() == *key && pair.value() == *value)
        };
        found
            .filter(|metric| labels.iter().all(|label| has(metric, label)))
            .map(|metric| {
                metric.get_counter().get_value()
                    + metric.get_gauge().get_value()
                    + metric.get_histogram().get_sample_count() as f64
            })
            .sum()
    }
}

/// Compiles a configuration of lines `kind namespace/name {spec}`. It must have no problem but those that are
/// expected in a line `problem text`.
pub(crate) fn snapshot(config: &str, recorder: &Recorder, compat: bool) -> Arc<Snapshot> {
    let mut yaml = String::new();
    let mut expected = Vec::new();
    for line in config.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (kind, rest) = line.split_once(' ').unwrap();
        if kind == "problem" {
            expected.push(rest);
            continue;
        }
        let (key, spec) = rest.split_once(' ').unwrap_or((rest, "{}"));
        let (namespace, name) = key.split_once('/').unwrap();
        let spec = match spec.split_once("${proto:").and_then(|(_, rest)| rest.split_once('}')) {
            Some((name, _)) => spec.replace(&format!("${{proto:{name}}}"), &descriptor(name)),
            None => spec.to_owned(),
        };
        yaml += &format!(
            "---\napiVersion: config.istio.io/v1alpha2\nkind: {kind}\nmetadata: {{name: \"{name}\", namespace: {namespace}}}\nspec: {spec}\n"
        );
    }
    let (resources, problems) = parse_documents("test", &yaml, &ReadOptions::default());
    assert_eq!(problems, [], "{yaml}");
    let options = CompileOptions { compat, ..CompileOptions::default() };
    let compiled = compile(&resources, &recorder.registry(), &options);
    let problems: Vec<String> = compiled.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.contains(expected), "{problem} does not contain {expected}");
    }
    compiled.snapshot
}

/// The descriptor set of `tests/protos/NAME.proto` in base64, as resources carry it. `lookup` is a check template
/// with output, `key` in and `value`, `size` and `labels` out; `params` is the configuration of an adapter.
pub(crate) fn descriptor(name: &str) -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut compiler =
        protox::Compiler::new([here.join("tests/protos"), here.join("../proto/proto")]).unwrap();
    compiler.include_imports(true).open_file(format!("{name}.proto")).unwrap();
    STANDARD.encode(compiler.encode_file_descriptor_set())
}

/// A bag of words `attribute=value`; a map is `key:value;key:value`.
pub(crate) fn bag_of(runtime: &Runtime, text: &str) -> Bag {
    let mut bag = Bag::new(runtime.vocabulary().clone());
    fill(&mut bag, text);
    bag
}

/// Sets attributes of a bag.
pub(crate) fn fill(bag: &mut Bag, text: &str) {
    let vocabulary: Arc<Vocabulary> = bag.vocabulary().clone();
    for word in text.split_whitespace() {
        let (name, value) = word.split_once('=').unwrap();
        let slot = vocabulary.slot(name).unwrap_or_else(|| panic!("no attribute {name}"));
        match vocabulary.value_type(slot) {
            // Written with quotes: text where another type is declared.
            _ if value.starts_with('"') => bag.set_text(slot, value.trim_matches('"')),
            ValueType::Int64 => bag.set(slot, Cell::Int64(value.parse().unwrap())),
            ValueType::Double => bag.set(slot, Cell::Double(value.parse().unwrap())),
            ValueType::Bool => bag.set(slot, Cell::Bool(value.parse().unwrap())),
            ValueType::Duration => bag.set(slot, Cell::Duration(value.parse::<Duration>().unwrap())),
            ValueType::Timestamp => bag.set(slot, Cell::Timestamp(value.parse::<Timestamp>().unwrap())),
            ValueType::IpAddress => {
                let address: std::net::IpAddr = value.parse().unwrap();
                match address {
                    std::net::IpAddr::V4(v4) => bag.set_bytes(slot, &v4.octets()),
                    std::net::IpAddr::V6(v6) => bag.set_bytes(slot, &v6.octets()),
                }
            }
            ValueType::StringMap => {
                let entries = value.split(';').filter(|entry| !entry.is_empty());
                bag.set_text_map(slot, entries.map(|entry| entry.split_once(':').unwrap()));
            }
            _ => bag.set_text(slot, value),
        }
    }
}

/// What was read, one word each: `name`, `map[key]`, with `!` behind what was absent.
pub(crate) fn read(referenced: &Referenced, bag: &Bag) -> Vec<String> {
    let word = |reference: mixer_attribute::Reference<'_>| {
        let key = reference.key.map(|key| format!("[{}]", String::from_utf8_lossy(key))).unwrap_or_default();
        let mark = if reference.presence == Presence::Absent { "!" } else { "" };
        format!("{}{key}{mark}", reference.attribute)
    };
    referenced.resolve(bag).into_iter().map(word).collect()
}
