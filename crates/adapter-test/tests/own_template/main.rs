//! A template of an author's own with every type that a field can have, all the way: `template.proto`, resource,
//! compiled params, a gRPC call of the engine, the SDK's server, the author's typed handler, and the output back into a
//! header. (That every other type is refused, and why, is shown by `tests/suite/rules.rs` of `mixer-codegen`.)

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod messages;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mixer_adapter_sdk::typed::{HandleCheckWithOutput, TypedCall};
use mixer_adapter_sdk::view::InstanceView;
use mixer_adapter_sdk::{
    BuildError, CheckResult, HandlerError, HandlerSpec, ManifestArgs, Process, ServeArgs, Server,
    TypedAdapter,
};
use mixer_adapter_test::{Scenario, Subject};
use mixer_codegen::{Protos, compile_template};
use mixer_proto::policy::v1beta1::value::Value as OneOf;
use mixer_proto::policy::v1beta1::{DnsName, Duration, EmailAddress, IpAddress, TimeStamp, Uri, Value};
use parking_lot::Mutex;

use crate::messages::{Every, InnerMsg, InstanceMsg, OuterMsg, OutputMsg};

type Seen = Arc<Mutex<Vec<InstanceMsg>>>;

struct EveryAdapter(Seen);

struct EveryHandler(Seen);

impl TypedAdapter for EveryAdapter {
    type Config = ();
    type Handler = EveryHandler;
    type Templates = (Every,);
    const NAME: &'static str = "every";
    const DESCRIPTION: &'static str = "Takes everything.";

    async fn build(&self, (): (), _: HandlerSpec) -> Result<EveryHandler, BuildError> {
        Ok(EveryHandler(self.0.clone()))
    }
}

impl HandleCheckWithOutput<Every> for EveryHandler {
    async fn check_with_output(
        &self,
        call: TypedCall<'_, Every>,
    ) -> Result<(CheckResult, OutputMsg), HandlerError> {
        let instance = call.owned()?;
        // The borrowed view shows the same.
        let view: InstanceView<'_> = call.view()?;
        assert_eq!(view.name().unwrap(), instance.name);
        assert_eq!(view.field(1).unwrap().map_or("", |field| field.text().unwrap()), instance.text);
        assert_eq!(view.map(45).unwrap().sorted().unwrap().len(), instance.value_map.len());
        let output = OutputMsg {
            text: instance.text.clone(),
            number: instance.number,
            flag: instance.flag,
            labels: instance.text_map.clone(),
        };
        self.0.lock().push(instance);
        Ok((CheckResult::default(), output))
    }
}

/// Attributes that a request has, and how each type of field is made of them.
const CONFIG: &str = r#"
apiVersion: config.istio.io/v1alpha2
kind: attributemanifest
metadata: {name: own}
spec:
  attributes:
    a.text: {valueType: STRING}
    a.number: {valueType: INT64}
    a.fraction: {valueType: DOUBLE}
    a.flag: {valueType: BOOL}
    a.time: {valueType: TIMESTAMP}
    a.duration: {valueType: DURATION}
    a.ip: {valueType: IP_ADDRESS}
    a.labels: {valueType: STRING_MAP}
---
apiVersion: config.istio.io/v1alpha2
kind: handler
metadata: {name: every}
spec: {adapter: every, connection: {address: "${ADDRESS}"}}
---
apiVersion: config.istio.io/v1alpha2
kind: instance
metadata: {name: all}
spec:
  template: every
  params:
    text: a.text
    number: a.number
    fraction: a.fraction
    flag: a.flag
    value: a.number
    time: a.time
    duration: a.duration
    ip: a.ip
    dns: dnsName("a.example")
    uri: uri("http://a.example/x")
    email: email("me@a.example")
    outer: {inner: {text: a.text, value: a.flag}, inners: [{text: '"one"'}, {value: a.fraction}], self: {inner_map: {k: {text: '"deep"'}}}}
    texts: [a.text, '"constant"', 'a.labels["app"]']
    numbers: [a.number, 7]
    fractions: [a.fraction, 1.5]
    flags: [a.flag, false]
    values: [a.text, a.number, a.fraction, a.flag, a.ip, a.time, a.duration, 'email("me@a.example")', 'dnsName("a.example")', 'uri("http://a.example/x")']
    times: [a.time]
    durations: [a.duration]
    ips: [a.ip]
    dnses: ['dnsName("a.example")']
    uris: ['uri("http://a.example/x")']
    emails: ['email("me@a.example")']
    outers: [{inner: {text: a.text}}, {}]
    text_map: {app: 'a.labels["app"]'}
    number_map: {k: a.number}
    fraction_map: {k: a.fraction}
    flag_map: {k: a.flag}
    value_map: {t: a.time, d: a.duration}
    time_map: {k: a.time}
    duration_map: {k: a.duration}
    ip_map: {k: a.ip}
    dns_map: {k: 'dnsName("a.example")'}
    uri_map: {k: 'uri("http://a.example/x")'}
    email_map: {k: 'email("me@a.example")'}
    outer_map: {k: {inner: {text: a.text}}}
---
apiVersion: config.istio.io/v1alpha2
kind: rule
metadata: {name: every}
spec:
  actions: [{handler: every, instances: [all], name: answer}]
  requestHeaderOperations:
  - {name: x-text, values: [answer.output.text]}
  - {name: x-app, values: ['answer.output.labels["app"]']}
  - {name: x-number, values: ['conditional(answer.output.number == a.number && answer.output.flag, "yes", "no")']}
---
steps:
- check:
    a.text: some text
    a.number: -5
    a.fraction: 0.25
    a.flag: true
    a.time: "2026-03-04T05:06:07.000000008Z"
    a.duration: 1m30.5s
    a.ip: 10.0.0.1
    a.labels: {app: web}
"#;

/// What the adapter has to see of it.
#[expect(clippy::too_many_lines, reason = "one line for each field")]
fn expected() -> InstanceMsg {
    let value = |value| Value { value: Some(value) };
    let time = || TimeStamp { value: Some(prost_types::Timestamp { seconds: 1_772_600_767, nanos: 8 }) };
    let duration = || Duration { value: Some(prost_types::Duration { seconds: 90, nanos: 500_000_000 }) };
    let ip = || IpAddress { value: vec![10, 0, 0, 1].into() };
    let dns = || DnsName { value: "a.example".to_owned() };
    let uri = || Uri { value: "http://a.example/x".to_owned() };
    let email = || EmailAddress { value: "me@a.example".to_owned() };
    let text = || "some text".to_owned();
    let inner = |text: &str| InnerMsg { text: text.to_owned(), value: None };
    let outer = || OuterMsg { inner: Some(inner("some text")), ..OuterMsg::default() };
    let k = || "k".to_owned();
    InstanceMsg {
        name: "all.instance.istio-system".to_owned(),
        text: text(),
        number: -5,
        fraction: 0.25,
        flag: true,
        value: Some(value(OneOf::Int64Value(-5))),
        time: Some(time()),
        duration: Some(duration()),
        ip: Some(ip()),
        dns: Some(dns()),
        uri: Some(uri()),
        email: Some(email()),
        outer: Some(OuterMsg {
            inner: Some(InnerMsg { text: text(), value: Some(value(OneOf::BoolValue(true))) }),
            inners: vec![
                inner("one"),
                InnerMsg { text: String::new(), value: Some(value(OneOf::DoubleValue(0.25))) },
            ],
            itself: Some(Box::new(OuterMsg {
                inner_map: [(k(), inner("deep"))].into(),
                ..OuterMsg::default()
            })),
            ..OuterMsg::default()
        }),
        texts: vec![text(), "constant".to_owned(), "web".to_owned()],
        numbers: vec![-5, 7],
        fractions: vec![0.25, 1.5],
        flags: vec![true, false],
        values: vec![
            value(OneOf::StringValue(text())),
            value(OneOf::Int64Value(-5)),
            value(OneOf::DoubleValue(0.25)),
            value(OneOf::BoolValue(true)),
            value(OneOf::IpAddressValue(ip())),
            value(OneOf::TimestampValue(time())),
            value(OneOf::DurationValue(duration())),
            value(OneOf::EmailAddressValue(email())),
            value(OneOf::DnsNameValue(dns())),
            value(OneOf::UriValue(uri())),
        ],
        times: vec![time()],
        durations: vec![duration()],
        ips: vec![ip()],
        dnses: vec![dns()],
        uris: vec![uri()],
        emails: vec![email()],
        outers: vec![outer(), OuterMsg::default()],
        text_map: [("app".to_owned(), "web".to_owned())].into(),
        number_map: [(k(), -5)].into(),
        fraction_map: [(k(), 0.25)].into(),
        flag_map: [(k(), true)].into(),
        value_map: [
            ("t".to_owned(), value(OneOf::TimestampValue(time()))),
            ("d".to_owned(), value(OneOf::DurationValue(duration()))),
        ]
        .into(),
        time_map: [(k(), time())].into(),
        duration_map: [(k(), duration())].into(),
        ip_map: [(k(), ip())].into(),
        dns_map: [(k(), dns())].into(),
        uri_map: [(k(), uri())].into(),
        email_map: [(k(), email())].into(),
        outer_map: [(k(), outer())].into(),
    }
}

fn process(seen: &Seen) -> Process {
    Process::typed(EveryAdapter(seen.clone()))
}

/// Runs the configuration against a process, with what the process itself prints as its resources.
async fn call(process: Process, args: ServeArgs) -> String {
    let manifest = process.manifest(&ManifestArgs { no_examples: true, ..ManifestArgs::default() }).unwrap();
    let server = Server::of(process, ServeArgs { no_monitoring: true, ..args }).await.unwrap();
    let subject = Subject::at(server.address().to_string());
    tokio::spawn(server.run(std::future::pending()));
    let scenario = Scenario::parse("every.yaml", &format!("{manifest}---{CONFIG}"), ".").unwrap();
    let told = scenario.run(&subject).await.unwrap();
    assert!(told.contains("1 check: OK") && !told.contains("error:"), "{told}");
    told
}

#[tokio::test]
async fn every_type_reaches_a_typed_handler_through_grpc() {
    let seen = Seen::default();
    let told = call(process(&seen), ServeArgs::default()).await;
    let instance = seen.lock().pop().unwrap_or_else(|| panic!("the handler saw nothing: {told}"));
    assert_eq!(instance, expected());
    for header in ["x-text = \"some text\"", "x-app = \"web\"", "x-number = \"yes\""] {
        assert!(told.contains(&format!("request header {header}")), "{told}");
    }
}

/// `--dryRun` shows every field, by its name and as what it is.
#[tokio::test]
async fn a_dry_run_shows_every_type() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seen.json");
    let args = ServeArgs { dry_run: Some(Some(file.clone())), ..ServeArgs::default() };
    call(process(&Seen::default()), args).await;
    let mut text = String::new();
    while !text.ends_with('\n') {
        tokio::task::yield_now().await;
        text = std::fs::read_to_string(&file).unwrap();
    }
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    let shown = line["instance"].as_object().unwrap();
    assert_eq!(shown.len(), 36, "every field: {text}");
    let values = serde_json::json!([
        "some text",
        -5,
        0.25,
        true,
        "10.0.0.1",
        "2026-03-04T05:06:07.000000008Z",
        "1m30.5s",
        "me@a.example",
        "a.example",
        "http://a.example/x"
    ]);
    assert_eq!(shown["values"], values);
    for (list, first) in
        [("times", 5), ("durations", 6), ("ips", 4), ("dnses", 8), ("uris", 9), ("emails", 7)]
    {
        assert_eq!(shown[list][0], values[first], "{list}");
        let map =
            list.strip_suffix("es").filter(|_| list == "dnses").or_else(|| list.strip_suffix('s')).unwrap();
        assert_eq!(shown[&format!("{map}_map")]["k"], values[first], "{map}_map");
        assert_eq!(shown[map], values[first], "{map}");
    }
    let outer = serde_json::json!({"inner": {"text": "some text", "value": true},
        "inners": [{"text": "one"}, {"value": 0.25}], "self": {"inner_map": {"k": {"text": "deep"}}}});
    assert_eq!(shown["outer"], outer);
}

/// The descriptor is that of the `.proto` file; `UPDATE_GOLDENS=1` writes it.
#[test]
fn the_descriptor_is_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/own_template");
    let made = compile_template(&Protos::new(Vec::<PathBuf>::new()), &folder.join("template.proto")).unwrap();
    let file = folder.join("every.desc");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&file, &made.descriptor_set).unwrap();
    }
    assert!(std::fs::read(&file).unwrap() == made.descriptor_set, "run it with UPDATE_GOLDENS=1");
}
