//! The resources of the original's own sample adapters, from what an operator wrote for them to what an adapter is
//! called with: a handler on the SDK's server records it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use mixer_adapter_sdk::templates::{TemplateService, Variety};
use mixer_adapter_sdk::{
    Adapter, AdapterInfo, BuildError, Call, CheckResult, FieldProblem, Handler, HandlerError, HandlerSpec,
    Process, QuotaCall, QuotaResult, ReportCall, ReportOutcome, ServeArgs, Server, Status,
};
use mixer_adapter_test::{Scenario, Subject};
use mixer_proto::policy::v1beta1::Value;
use mixer_proto::policy::v1beta1::value::Value as OneOf;
use mixer_proto::template::{listentry, metric, quota};
use parking_lot::Mutex;
use prost::Message;

fn fixtures() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/istio-1.3.8");
    if folder.is_dir() {
        return Some(folder);
    }
    #[allow(clippy::print_stderr, reason = "whoever runs the tests is told that one did nothing")]
    {
        eprintln!("skipped: ../shared is not beside the project");
    }
    None
}

/// Template, and the bytes of each instance, of a call.
type Recorded = (String, Vec<Bytes>);

/// Every call, and the configuration of every handler.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<(Vec<Recorded>, Vec<Bytes>)>>);

/// Takes every template and configuration, and answers what it was told.
struct Recording {
    info: AdapterInfo,
    record: Record,
    output: Bytes,
}

impl Adapter for Recording {
    fn info(&self) -> &AdapterInfo {
        &self.info
    }

    fn validate(&self, _: &HandlerSpec) -> Vec<FieldProblem> {
        Vec::new()
    }

    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        self.record.0.lock().1.push(spec.params);
        let handler = RecordingHandler { record: self.record.clone(), output: self.output.clone() };
        Box::pin(async move { Ok(Arc::new(handler) as Arc<dyn Handler>) })
    }
}

struct RecordingHandler {
    record: Record,
    output: Bytes,
}

impl RecordingHandler {
    fn note(&self, template: &str, instances: Vec<Bytes>) {
        self.record.0.lock().0.push((template.to_owned(), instances));
    }
}

impl Handler for RecordingHandler {
    fn check<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<CheckResult, HandlerError>> {
        self.note(call.template, vec![call.bytes]);
        Box::pin(async { Ok(CheckResult::default()) })
    }

    fn report<'a>(&'a self, call: ReportCall<'a>) -> BoxFuture<'a, Result<ReportOutcome, HandlerError>> {
        let instances = call.batch.iter().map(|instance| Bytes::copy_from_slice(instance.bytes));
        self.note(call.template, instances.collect());
        Box::pin(async { Ok(ReportOutcome::complete()) })
    }

    fn quota<'a>(&'a self, call: QuotaCall<'a>) -> BoxFuture<'a, Result<QuotaResult, HandlerError>> {
        self.note(call.call.template, vec![call.call.bytes]);
        let (amount, valid_duration) = (call.amount, Duration::from_secs(7));
        Box::pin(async move { Ok(QuotaResult { status: Status::ok(), valid_duration, amount }) })
    }

    fn check_with_output<'a>(
        &'a self,
        call: Call<'a>,
    ) -> BoxFuture<'a, Result<(CheckResult, Bytes), HandlerError>> {
        self.note(call.template, vec![call.bytes]);
        Box::pin(async { Ok((CheckResult::default(), self.output.clone())) })
    }
}

/// Runs files of the original, and more configuration, with the adapter at the address that its handler names.
async fn run(
    files: &[&str],
    more: &str,
    recording: Recording,
    own: Option<TemplateService>,
) -> Option<String> {
    let fixtures = fixtures()?;
    let mut config = String::new();
    for file in files {
        let text = std::fs::read_to_string(fixtures.join(file)).unwrap();
        config.push_str(text.trim().trim_end_matches("---"));
        config.push_str("\n---\n");
    }
    let process = Process::new(Arc::new(recording));
    let process = own.into_iter().fold(process, Process::template);
    let server =
        Server::of(process, ServeArgs { no_monitoring: true, ..ServeArgs::default() }).await.unwrap();
    let subject = Subject::at(server.address().to_string());
    tokio::spawn(server.run(std::future::pending()));
    for address in ["listadapter:8080", "prometheusadapter:8080"] {
        config = config.replace(address, "${ADDRESS}");
    }
    let scenario = Scenario::parse("original.yaml", &format!("{config}{more}"), ".").unwrap();
    let told = scenario.run(&subject).await.unwrap();
    assert!(!told.contains("error:"), "{told}");
    Some(told)
}

fn recording(templates: &'static [&'static str], record: &Record) -> Recording {
    let info = AdapterInfo {
        name: "recording",
        aliases: &[],
        description: "Records.",
        templates,
        config_descriptor: &[],
        config_message: "",
    };
    Recording { info, record: record.clone(), output: Bytes::new() }
}

fn text(text: &str) -> Value {
    Value { value: Some(OneOf::StringValue(text.to_owned())) }
}

fn number(number: i64) -> Value {
    Value { value: Some(OneOf::Int64Value(number)) }
}

#[tokio::test]
async fn list() {
    let record = Record::default();
    let files =
        ["adapters/listbackend-nosession.yaml", "adapters/listentryoop.yaml", "adapters/listcheckoop.yaml"];
    let steps = "steps: [{check: {source.name: mysource}}, {check: {}}]";
    let Some(told) = run(&files, steps, recording(&["listentry"], &record), None).await else { return };
    let (calls, configs) = &*record.0.lock();
    let values: Vec<_> = calls
        .iter()
        .map(|(template, instances)| {
            assert_eq!((template.as_str(), instances.len()), ("listentry", 1));
            listentry::InstanceMsg::decode(instances[0].clone()).unwrap()
        })
        .map(|instance| (instance.name, instance.value.unwrap()))
        .collect();
    let name = || "source-info.instance.istio-system".to_owned();
    assert_eq!(values, [(name(), text("mysource")), (name(), text("unknown"))], "{told}");
    // Params of the original: overrides are field 6, blacklist is 8 and written although it is false.
    assert_eq!(configs[..], [&b"\x32\x08mysource\x32\x09mysource2\x40\x00"[..]]);
}

#[tokio::test]
async fn prometheus() {
    let record = Record::default();
    let files =
        ["adapters/prometheus-nosession.yaml", "adapters/metricsoop.yaml", "adapters/prometheusoop.yaml"];
    // Attributes as they were called before 1.0.
    let steps = "apiVersion: config.istio.io/v1alpha2\nkind: attributemanifest\nmetadata: {name: old, namespace: istio-system}\n\
        spec: {attributes: {source.service: {valueType: STRING}, destination.service: {valueType: STRING}}}\n---\n\
        steps: [{report: [{source.service: a, source.labels: {version: v1}, request.size: 120, response.code: 404}]}]";
    let Some(told) = run(&files, steps, recording(&["metric"], &record), None).await else { return };
    let (calls, _) = &*record.0.lock();
    let mut instances: Vec<_> = calls
        .iter()
        .flat_map(|(_, instances)| instances)
        .map(|instance| metric::InstanceMsg::decode(instance.clone()).unwrap())
        .collect();
    instances.sort_by(|a, b| a.name.cmp(&b.name));
    let [count, size] = &instances[..] else { panic!("{instances:?} {told}") };
    assert_eq!((count.value.clone(), size.value.clone()), (Some(number(1)), Some(number(120))), "{told}");
    for (dimension, value) in [
        ("source_service", text("a")),
        ("source_version", text("v1")),
        ("destination_service", text("unknown")),
        ("destination_version", text("unknown")),
        ("response_code", number(404)),
    ] {
        assert_eq!(size.dimensions.get(dimension), Some(&value), "{dimension}");
    }
}

/// The sample with a template that is not shipped.
#[tokio::test]
async fn keyval() {
    let record = Record::default();
    let own = TemplateService {
        template: "keyval",
        service: "keyval.HandleKeyvalService",
        method: "HandleKeyval",
        variety: Variety::CheckWithOutput,
        descriptor: &[],
    };
    let config = r#"
apiVersion: config.istio.io/v1alpha2
kind: handler
metadata: {name: keyval, namespace: istio-system}
spec: {adapter: keyval, connection: {address: "${ADDRESS}"}, params: {table: {jason: admin}}}
---
apiVersion: config.istio.io/v1alpha2
kind: instance
metadata: {name: keyval, namespace: istio-system}
spec: {template: keyval, params: {key: 'source.user'}}
---
apiVersion: config.istio.io/v1alpha2
kind: rule
metadata: {name: keyval, namespace: istio-system}
spec: {actions: [{handler: keyval, instances: [keyval], name: x}], requestHeaderOperations: [{name: user-group, values: [x.output.value]}]}
---
steps: [{check: {source.user: jason}}]
"#;
    // OutputMsg with value, which is field 2.
    let output = Bytes::from_static(b"\x12\x05admin");
    let adapter = Recording { output, ..recording(&["keyval"], &record) };
    let files = ["templates/keyval.yaml", "adapters/keyval.yaml"];
    let Some(told) = run(&files, config, adapter, Some(own)).await else { return };
    assert!(told.contains("request header user-group = \"admin\""), "{told}");
    let (calls, configs) = &*record.0.lock();
    assert_eq!(calls[0].1[0][..7], b"\x0a\x05jason"[..]);
    assert_eq!(configs[0], &b"\x0a\x0e\x0a\x05jason\x12\x05admin"[..], "as the original encodes it");
}

const SPY: &str = r#"
apiVersion: config.istio.io/v1alpha2
kind: handler
metadata: {name: spy, namespace: istio-system}
spec: {adapter: ADAPTER, connection: {address: "${ADDRESS}"}}
---
apiVersion: config.istio.io/v1alpha2
kind: instance
metadata: {name: requests, namespace: istio-system}
spec: {template: metric, params: {value: request.size, dimensions: {user: source.user, took: response.duration}}}
---
apiVersion: config.istio.io/v1alpha2
kind: instance
metadata: {name: calls, namespace: istio-system}
spec: {template: quota, params: {dimensions: {user: source.user}}}
---
apiVersion: config.istio.io/v1alpha2
kind: instance
metadata: {name: who, namespace: istio-system}
spec: {template: listentry, params: {value: source.user}}
---
apiVersion: config.istio.io/v1alpha2
kind: rule
metadata: {name: spy, namespace: istio-system}
spec: {actions: [{handler: spy, instances: [requests, calls, who]}]}
---
steps:
- {check: {source.user: jason}, quotas: {calls: 3}}
- {report: [{source.user: jason, request.size: 120, response.duration: 1500us}]}
"#;

/// The sample that takes a template of each kind, in a session and without: how its instances come is the same.
#[tokio::test]
async fn spybackend() {
    let config = |adapter: &str| SPY.replace("ADAPTER", adapter);
    let session = (vec!["adapters/session.yaml"], config("spybackend-session"));
    // Two of its templates are not among the files; what it is sent of the others does not depend on them.
    let plain = std::fs::read_to_string(fixtures().unwrap_or_default().join("adapters/nosession.yaml"));
    let plain = plain.unwrap_or_default().replace("  - apa\n", "").replace("  - checkoutput\n", "");
    let plain = (vec![], format!("{}\n{}", plain.trim(), config("spybackend-nosession").trim_start()));
    for (files, config) in [session, plain] {
        let record = Record::default();
        let adapter = recording(&["metric", "quota", "listentry"], &record);
        let Some(told) = run(&files, &config, adapter, None).await else { return };
        assert!(told.contains("quota calls: 3 granted for 7s"), "{told}");
        let (calls, configs) = &*record.0.lock();
        assert_eq!(configs[..], [Bytes::new()], "one handler, of no configuration");
        let one = |wanted: &str| {
            let mut found = calls.iter().filter(|(template, _)| template == wanted).flat_map(|(_, all)| all);
            let instance = found.next().unwrap().clone();
            assert_eq!(found.next(), None, "{wanted}");
            instance
        };
        let sent = metric::InstanceMsg::decode(one("metric")).unwrap();
        assert_eq!((sent.name.as_str(), sent.value), ("requests.instance.istio-system", Some(number(120))));
        let took = mixer_proto::policy::v1beta1::Duration {
            value: Some(prost_types::Duration { seconds: 0, nanos: 1_500_000 }),
        };
        let took = Value { value: Some(OneOf::DurationValue(took)) };
        assert_eq!(sent.dimensions, [("took".to_owned(), took), ("user".to_owned(), text("jason"))].into());
        let sent = quota::InstanceMsg::decode(one("quota")).unwrap();
        assert_eq!(sent.dimensions, [("user".to_owned(), text("jason"))].into());
        let sent = listentry::InstanceMsg::decode(one("listentry")).unwrap();
        assert_eq!(sent.value, Some(text("jason")));
    }
}
