//! The adapter as a process of its own: called by gRPC, scraped, stopped by a signal.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../src/generated.rs"]
mod generated;

use std::process::Stdio;

use generated::Params;
use generated::params::metric_info::Kind;
use generated::params::{MetricInfo, RemoteWrite};
use mixer_proto::policy::v1beta1::{Value, value};
use mixer_proto::template::metric::{HandleMetricRequest, InstanceMsg};
use mixer_rpc::template::metric::handle_metric_service_client::HandleMetricServiceClient;
use mixer_testkit::{FakeRemoteWrite, Knows, WrittenValue};
use prost::Message as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};

/// Reads log lines up to the one with this message.
async fn wait_for(log: &mut Lines<BufReader<ChildStderr>>, message: &str) -> serde_json::Value {
    while let Some(line) = log.next_line().await.unwrap() {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        if line["fields"]["message"] == message {
            return line["fields"].clone();
        }
    }
    panic!("the process ended without saying {message:?}");
}

fn start() -> Child {
    Command::new(env!("CARGO_BIN_EXE_mixer-prometheus-adapter"))
        .args(["--address=127.0.0.1:0", "--monitoringAddress=127.0.0.1:0", "--prometheusAddress=127.0.0.1:0"])
        .args(["--logFormat=json", "--drainDelay=0s"])
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn request() -> HandleMetricRequest {
    request_with(Params::default())
}

/// Two instances for one metric of a configuration.
fn request_with(params: Params) -> HandleMetricRequest {
    let metric = MetricInfo {
        name: "requests_total".into(),
        instance_name: "requestcount.instance.istio-system".into(),
        kind: Kind::Counter.into(),
        label_names: vec!["code".into()],
        ..Default::default()
    };
    let params = Params { metrics: vec![metric], ..params };
    let int = |number| Value { value: Some(value::Value::Int64Value(number)) };
    let instance = InstanceMsg {
        name: "requestcount.instance.istio-system".into(),
        value: Some(int(1)),
        dimensions: [("code".to_owned(), int(200))].into(),
        ..Default::default()
    };
    HandleMetricRequest {
        instances: vec![instance.clone(), instance],
        adapter_config: Some(prost_types::Any {
            type_url: "type.googleapis.com/adapter.prometheus.config.Params".into(),
            value: params.encode_to_vec(),
        }),
        dedup_id: "1".into(),
    }
}

#[tokio::test]
async fn a_process_reports_serves_and_stops() {
    let mut process = start();
    let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
    let scrape = wait_for(&mut log, "metrics are served at /metrics").await;
    let serves = wait_for(&mut log, "adapter serves").await;
    let address = |fields: &serde_json::Value, name: &str| fields[name].as_str().unwrap().to_owned();

    let target = format!("http://{}", address(&serves, "address"));
    let mut client = HandleMetricServiceClient::connect(target).await.unwrap();
    client.handle_metric(request()).await.unwrap();
    client.handle_metric(request()).await.unwrap();
    let metrics = get(&address(&scrape, "address"), "/metrics").await;
    assert!(metrics.contains("istio_requests_total{code=\"200\"} 4\n"), "{metrics}");
    let own = get(&address(&serves, "monitoring"), "/metrics").await;
    assert!(own.contains("mixer_adapter_instances_total{template=\"metric\"} 4\n"), "{own}");

    drop(client);
    let pid = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    wait_for(&mut log, "handler closed").await;
    wait_for(&mut log, "stopped").await;
    assert!(process.wait().await.unwrap().success());
}

#[tokio::test]
async fn what_was_collected_is_sent_when_the_process_stops() {
    let fake = FakeRemoteWrite::start(Knows::Both).await.unwrap();
    let to = RemoteWrite {
        url: fake.url(),
        send_period: Some(prost_types::Duration { seconds: 3600, nanos: 0 }),
        ..Default::default()
    };
    let params = Params { remote_write: vec![to], scrape: Some(false), ..Default::default() };
    let mut process = start();
    let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
    let serves = wait_for(&mut log, "adapter serves").await;
    let target = format!("http://{}", serves["address"].as_str().unwrap());
    let mut client = HandleMetricServiceClient::connect(target).await.unwrap();
    client.handle_metric(request_with(params)).await.unwrap();
    drop(client);
    assert_eq!(fake.seen(), [], "it is not time yet");
    let pid = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    wait_for(&mut log, "stopped").await;
    assert!(process.wait().await.unwrap().success());
    let seen = fake.seen();
    assert_eq!((seen.len(), seen[0].status, &seen[0].fault), (1, 204, &None));
    let points: Vec<_> = seen[0].points.iter().map(|point| &point.value).collect();
    assert_eq!(*points[0], WrittenValue::Sample(2.0));
    assert!(points.len() == 2 && points[1].is_end(), "{points:?}");
}

#[tokio::test]
async fn a_port_that_is_taken_ends_the_process_with_its_name() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mixer-prometheus-adapter"))
        .arg(format!("--prometheusAddress={address}"))
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(&format!("cannot listen for Prometheus on {address}")), "{text}");
}
