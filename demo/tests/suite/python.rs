//! The example in Python: `mixs` calls it with the configuration that it ships, and what it prints and answers is right to
//! the last digit. Its README's command makes the protocol's Python files, so that the README stays true.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use mixer_attribute::{Duration as Span, Timestamp, Value};
use mixer_harness::{Process, free_ports, real_folder, wait_ok};
use mixer_proto::mixer::v1::check_request::QuotaParams;
use mixer_proto::mixer::v1::{CheckRequest, CheckResponse, CompressedAttributes, ReportRequest};
use mixer_proto::policy::v1beta1 as policy;
use mixer_proto::policy::v1beta1::value::Value as Kind;
use mixer_proto::template::metric;
use mixer_rpc::mixer::v1::mixer_client::MixerClient;
use mixer_rpc::raw;
use prost::Message as _;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

use super::system::programs;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} took too long"))
}

/// What the example needs: the packages, the programs, and a folder with the files made from its protos.
struct Kit {
    bin: PathBuf,
    packages: PathBuf,
    folder: tempfile::TempDir,
}

impl Kit {
    /// Nothing in a plain `cargo test` where something is missing, which is said.
    async fn make() -> Option<Self> {
        let Some(packages) = real_folder("MIXER_PYTHONPATH").unwrap() else {
            println!("skipped: run `cargo xtask test`, which installs the packages of the example in Python");
            return None;
        };
        let kit = Self { bin: programs()?, packages, folder: tempfile::tempdir().unwrap() };
        fs::create_dir(kit.generated()).unwrap();
        let readme = fs::read_to_string(workspace().join("examples/python/README.md")).unwrap();
        let start = readme.find("python3 -m grpc_tools.protoc").unwrap();
        let command = readme[start..].split("\n$ ").next().unwrap().split("\n```").next().unwrap();
        assert_eq!(command.matches("target/python").count(), 2, "{command}");
        let command = command.replace("target/python", kit.generated().to_str().unwrap());
        let mut shell = Command::new("sh");
        shell.arg("-euc").arg(command).current_dir(workspace()).env("PYTHONPATH", &kit.packages);
        let made = soon("protoc", shell.output()).await.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some(kit)
    }

    fn generated(&self) -> PathBuf {
        self.folder.path().join("generated")
    }

    /// The adapter on a free port.
    async fn adapter(&self) -> Adapter {
        let mut command = Command::new("python3");
        command.arg(workspace().join("examples/python/ledger.py")).args(["--address", "127.0.0.1:0"]);
        let path = std::env::join_paths([&self.packages, &self.generated()]).unwrap();
        command.env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = wait_for(&mut log, "listening on ").await;
        let address = line.rsplit(' ').next().unwrap().to_owned();
        Adapter { child, printed, log, address }
    }

    /// `mixs` with the resources of the example, changed by `edit`, whose handler is at `address`.
    async fn mixs(&self, address: &str, edit: impl Fn(String) -> String) -> Mixs {
        let config = self.folder.path().join("config");
        fs::create_dir(&config).unwrap();
        let mut addresses = 0;
        for entry in fs::read_dir(workspace().join("examples/python/resources")).unwrap() {
            let entry = entry.unwrap();
            let text = edit(fs::read_to_string(entry.path()).unwrap());
            addresses += text.matches("127.0.0.1:9080").count();
            fs::write(config.join(entry.file_name()), text.replace("127.0.0.1:9080", address)).unwrap();
        }
        assert_eq!(addresses, 1, "one handler has the adapter's default address");
        let [api, admin, hosted] = free_ports().unwrap();
        let mut command = Command::new(self.bin.join("mixs"));
        command.arg("server").arg("--configStoreURL").arg(format!("fs://{}", config.display()));
        command.args(["--address", &format!("tcp://127.0.0.1:{api}")]);
        command.args(["--monitoringAddress", &format!("127.0.0.1:{admin}")]);
        command.args(["--prometheusAddress", &format!("127.0.0.1:{hosted}")]);
        let mut processes = [Process::start("mixs", command, self.folder.path()).unwrap()];
        wait_ok(admin, "/readyz", &mut processes).await.unwrap();
        let [process] = processes;
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{api}")).unwrap();
        Mixs { client: MixerClient::new(endpoint.connect().await.unwrap()), _process: process }
    }
}

/// The lines up to one that contains the text; the process says so and goes on.
async fn wait_for(lines: &mut Lines<BufReader<ChildStderr>>, text: &str) -> String {
    let mut before = String::new();
    soon(text, async {
        loop {
            let Some(line) = lines.next_line().await.unwrap() else { panic!("no {text:?} in:\n{before}") };
            if line.contains(text) {
                return line;
            }
            before = format!("{before}{line}\n");
        }
    })
    .await
}

/// The running example.
struct Adapter {
    child: Child,
    printed: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
    address: String,
}

impl Adapter {
    async fn line(&mut self) -> Json {
        let line = soon("a line", self.printed.next_line()).await.unwrap();
        serde_json::from_str(&line.unwrap()).unwrap()
    }

    /// A call without `mixs`.
    async fn call(&self, path: &'static str, message: Vec<u8>) -> Result<Bytes, Status> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        let mut client = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
        let path = PathAndQuery::from_static(path);
        raw::unary(&mut client, path, Request::new(message.into())).await.map(Response::into_inner)
    }

    fn terminate(&self) {
        let mut kill = std::process::Command::new("kill");
        assert!(kill.args(["-TERM", &self.child.id().unwrap().to_string()]).status().unwrap().success());
    }
}

struct Mixs {
    client: MixerClient<Channel>,
    _process: Process,
}

impl Mixs {
    async fn check(&mut self, request: CheckRequest) -> CheckResponse {
        self.client.check(request).await.unwrap().into_inner()
    }
}

/// Attributes of a request that took so many nanoseconds.
fn bag(path: &str, source: &[u8], nanos: i64) -> CompressedAttributes {
    let time = Timestamp::from_proto(1_772_600_767, 123_456_789).unwrap();
    let (path, source) = (Value::text(path), Value::Bytes(Cow::Borrowed(source)));
    let (time, duration) = (Value::Timestamp(time), Value::Duration(Span::from_nanos(nanos)));
    // One more than a double can hold.
    let size = Value::Int64((1 << 53) + 1);
    let attributes = [
        ("request.path", &path),
        ("source.ip", &source),
        ("request.time", &time),
        ("response.duration", &duration),
        ("response.size", &size),
    ];
    mixer_wire::compress(attributes, 0)
}

fn report(attributes: Vec<CompressedAttributes>) -> ReportRequest {
    // Each bag stands for itself.
    ReportRequest { attributes, repeated_attributes_semantics: 1, ..ReportRequest::default() }
}

/// An IPv4 address in 16 bytes.
fn mapped(address: [u8; 4]) -> [u8; 16] {
    std::net::Ipv4Addr::from(address).to_ipv6_mapped().octets()
}

#[tokio::test]
async fn values_arrive_to_the_last_digit() {
    let Some(kit) = Kit::make().await else { return };
    let mut adapter = kit.adapter().await;
    let mut mixs = kit.mixs(&adapter.address, |text| text).await;
    let bags = vec![
        bag("/cart", &[10, 0, 0, 7], 5_000_001),
        bag("/ünï", &mapped([10, 0, 0, 8]), -1_500_000_000),
        bag("/", &std::net::Ipv6Addr::LOCALHOST.octets(), 0),
    ];
    mixs.client.report(report(bags)).await.unwrap();
    let expected =
        [("/cart", "10.0.0.7", "0.005000001s"), ("/ünï", "10.0.0.8", "-1.500s"), ("/", "::1", "0s")];
    let mut calls = Vec::new();
    for (path, source, value) in expected {
        let mut line = adapter.line().await;
        calls.push(line.as_object_mut().unwrap().remove("call").unwrap());
        let wanted = json!({
            "name": "took.instance.istio-system",
            "value": value,
            "dimensions": { "path": path, "source": source, "time": "2026-03-04T05:06:07.123456789Z",
                            "bytes": 9_007_199_254_740_993_i64 },
            "labels": { "cluster": "east" },
        });
        assert_eq!(line, wanted);
    }
    calls.dedup();
    assert_eq!(calls.len(), 1, "the instances of a report arrive in one call");
    assert!(calls[0].as_str().unwrap().parse::<u64>().is_ok(), "{calls:?} is a number in decimal");
}

#[tokio::test]
async fn every_type_of_value_has_a_form() {
    let Some(kit) = Kit::make().await else { return };
    let mut adapter = kit.adapter().await;
    let timestamp = |seconds, nanos| {
        Kind::TimestampValue(policy::TimeStamp { value: Some(prost_types::Timestamp { seconds, nanos }) })
    };
    let duration = |seconds, nanos| {
        Kind::DurationValue(policy::Duration { value: Some(prost_types::Duration { seconds, nanos }) })
    };
    let ip = |bytes: &[u8]| Kind::IpAddressValue(policy::IpAddress { value: Bytes::copy_from_slice(bytes) });
    let text = || "x".to_owned();
    let cases = [
        (Kind::StringValue(String::new()), json!("")),
        (Kind::StringValue("a\n\"\u{2028}".to_owned()), json!("a\n\"\u{2028}")),
        (Kind::Int64Value(i64::MIN), json!(i64::MIN)),
        (Kind::DoubleValue(0.1 + 0.2), json!(0.1 + 0.2)),
        (Kind::DoubleValue(f64::NAN), json!("NaN")),
        (Kind::DoubleValue(f64::NEG_INFINITY), json!("-Infinity")),
        (Kind::BoolValue(false), json!(false)),
        (ip(&[10, 0, 0, 7]), json!("10.0.0.7")),
        (ip(&mapped([10, 0, 0, 7])), json!("10.0.0.7")),
        (ip(&[1, 2, 3]), json!("?010203")),
        (ip(&[]), json!("?")),
        (timestamp(0, 1), json!("1970-01-01T00:00:00.000000001Z")),
        (timestamp(-1, 0), json!("1969-12-31T23:59:59Z")),
        (timestamp(1 << 40, 5), json!({ "seconds": 1_i64 << 40, "nanos": 5 })),
        (Kind::TimestampValue(policy::TimeStamp::default()), json!("1970-01-01T00:00:00Z")),
        (duration(0, -1), json!("-0.000000001s")),
        (duration(9_223_372_036, 854_775_807), json!("9223372036.854775807s")),
        (duration(1, -1), json!({ "seconds": 1, "nanos": -1 })),
        (Kind::EmailAddressValue(policy::EmailAddress { value: text() }), json!("x")),
        (Kind::DnsNameValue(policy::DnsName { value: text() }), json!("x")),
        (Kind::UriValue(policy::Uri { value: text() }), json!("x")),
        (Kind::StringMapValue(policy::StringMap { value: [(text(), text())].into() }), json!({ "x": "x" })),
    ];
    let value = |kind: &Kind| Some(policy::Value { value: Some(kind.clone()) });
    let mut instances: Vec<metric::InstanceMsg> = cases
        .iter()
        .map(|(kind, _)| metric::InstanceMsg { value: value(kind), ..metric::InstanceMsg::default() })
        .collect();
    instances.push(metric::InstanceMsg::default());
    // A handler without params.
    let adapter_config =
        Some(prost_types::Any { type_url: "x/adapter.ledger.config.Params".into(), value: Vec::new() });
    let request = metric::HandleMetricRequest { instances, adapter_config, dedup_id: "1".to_owned() };
    adapter.call("/metric.HandleMetricService/HandleMetric", request.encode_to_vec()).await.unwrap();
    for (kind, form) in cases {
        assert_eq!(adapter.line().await["value"], form, "{kind:?}");
    }
    assert_eq!(adapter.line().await["value"], Json::Null, "an instance without a value");
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_named() {
    let Some(kit) = Kit::make().await else { return };
    let adapter = kit.adapter().await;
    let right = "type.googleapis.com/adapter.ledger.config.Params";
    let cases: [(&str, &[u8], &str); 4] = [
        ("type.googleapis.com/other.Params", b"", "adapter_config is 'type.googleapis.com/other.Params'"),
        (right, b"\xff", "adapter_config is no adapter.ledger.config.Params"),
        // A caching_interval of -1 s and a quota without anything: all is said at once.
        (
            right,
            b"\x1a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x2a\x00",
            "caching_interval must not be negative; quotas[0].name must be there",
        ),
        (right, b"\x2a\x00", "quotas[0].window must be longer than nothing"),
    ];
    for (type_url, value, said) in cases {
        let any = prost_types::Any { type_url: type_url.to_owned(), value: value.to_vec() };
        let request = metric::HandleMetricRequest { adapter_config: Some(any), ..Default::default() };
        let path = "/metric.HandleMetricService/HandleMetric";
        let status = adapter.call(path, request.encode_to_vec()).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(status.message().contains(said), "{status}");
    }
}

#[tokio::test]
async fn answers_decide() {
    let Some(kit) = Kit::make().await else { return };
    let adapter = kit.adapter().await;
    let mut mixs = kit.mixs(&adapter.address, |text| text).await;
    let cases: [(&str, &[u8], Code, &str); 4] = [
        ("/cart", &[10, 0, 0, 7], Code::Ok, ""),
        ("/admin", &[10, 0, 0, 7], Code::PermissionDenied, "ledger.handler.istio-system:/admin is banned"),
        (
            "/cart",
            &mapped([203, 0, 113, 7]),
            Code::PermissionDenied,
            "ledger.handler.istio-system:203.0.113.7 is banned",
        ),
        ("/cart", &[1, 2], Code::Ok, ""),
    ];
    for (path, source, code, message) in cases {
        let attributes = Some(bag(path, source, 0));
        let answer = mixs.check(CheckRequest { attributes, ..CheckRequest::default() }).await;
        let precondition = answer.precondition.unwrap();
        let status = precondition.status.unwrap_or_default();
        assert_eq!((Code::from(status.code), &*status.message), (code, message), "{path} {source:?}");
        let valid = (precondition.valid_duration.unwrap().seconds, precondition.valid_use_count);
        assert_eq!(valid, (10, 1000), "{path} {source:?}");
    }
}

#[tokio::test]
async fn quotas_are_granted_until_used_up() {
    let Some(kit) = Kit::make().await else { return };
    let adapter = kit.adapter().await;
    let mut mixs = kit.mixs(&adapter.address, |text| text).await;
    // Two are there for each source. An id that came before gets its answer again.
    let steps: [(&str, u8, i64, bool, i64, Code); 7] = [
        ("a", 7, 3, false, 0, Code::ResourceExhausted),
        ("b", 7, 1, false, 1, Code::Ok),
        ("b", 7, 1, false, 1, Code::Ok),
        ("c", 7, 3, true, 1, Code::Ok),
        ("d", 7, 1, true, 0, Code::ResourceExhausted),
        ("e", 7, -1, false, -1, Code::Ok),
        ("f", 8, 2, false, 2, Code::Ok),
    ];
    for (id, source, amount, best_effort, granted, code) in steps {
        let request = CheckRequest {
            attributes: Some(bag("/cart", &[10, 0, 0, source], 0)),
            deduplication_id: id.to_owned(),
            quotas: [("calls".to_owned(), QuotaParams { amount, best_effort })].into(),
            ..CheckRequest::default()
        };
        let answer = mixs.check(request).await;
        let quota = &answer.quotas["calls"];
        let status = quota.status.clone().unwrap_or_default();
        assert_eq!((quota.granted_amount, Code::from(status.code)), (granted, code), "{id}: {status:?}");
        let valid = quota.valid_duration.unwrap().seconds;
        assert!((3500..=3600).contains(&valid), "{id}: {valid}");
    }
}

#[tokio::test]
async fn a_call_without_configuration_is_answered_with_why() {
    let Some(kit) = Kit::make().await else { return };
    let adapter = kit.adapter().await;
    let sessions = |text: String| text.replace("session_based: false", "session_based: true");
    let mut mixs = kit.mixs(&adapter.address, sessions).await;
    let attributes = Some(bag("/cart", &[10, 0, 0, 7], 0));
    let error = mixs.client.check(CheckRequest { attributes, ..CheckRequest::default() }).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("the call has no adapter_config"), "{error}");
}

#[tokio::test]
async fn it_is_healthy_and_finishes_what_it_began() {
    let Some(kit) = Kit::make().await else { return };
    let mut adapter = kit.adapter().await;
    let answer = adapter.call("/grpc.health.v1.Health/Check", Vec::new()).await.unwrap();
    assert_eq!(&*answer, b"\x08\x01", "the status is SERVING");

    let mut mixs = kit.mixs(&adapter.address, |text| text).await;
    // So much that the adapter cannot print it all before somebody reads.
    let bags: Vec<CompressedAttributes> =
        (0..2000).map(|nanos| bag("/cart", &[10, 0, 0, 7], nanos)).collect();
    let reporting = tokio::spawn(async move { mixs.client.report(report(bags)).await });
    let first = adapter.line().await;
    assert_eq!(first["value"], "0s");
    adapter.terminate();
    wait_for(&mut adapter.log, "draining").await;
    assert!(!reporting.is_finished(), "the call is under way");
    for number in 1..2000 {
        assert_eq!(adapter.line().await["name"], "took.instance.istio-system", "line {number}");
    }
    soon("the report", reporting).await.unwrap().unwrap();
    wait_for(&mut adapter.log, "stopped").await;
    assert_eq!(soon("the end", adapter.child.wait()).await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn what_mixgen_made_is_up_to_date() {
    let Some(bin) = programs() else { return };
    let mixgen = bin.join("mixgen");
    if !mixgen.is_file() {
        assert!(std::env::var_os(mixer_harness::REAL).is_none(), "mixgen is not built");
        println!("skipped: build mixgen, or run `cargo xtask test`");
        return;
    }
    let mut check = Command::new(mixgen);
    let run = check.current_dir(workspace()).args(["check", "examples/python"]).output().await.unwrap();
    let text = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{text}{}", String::from_utf8_lossy(&run.stderr));
    assert!(text.starts_with("2 generated files are up to date"), "{text}");
}
