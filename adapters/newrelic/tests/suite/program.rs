//! The program: started with flags and variables, called by gRPC, watched by its log and its metrics.

use std::process::Stdio;
use std::time::Duration;

use mixer_adapter_sdk::value::Value;
use mixer_proto::template::metric::{HandleMetricRequest, InstanceMsg};
use mixer_rpc::template::metric::handle_metric_service_client::HandleMetricServiceClient;
use mixer_testkit::{FakeNewRelic, IngestApi};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tonic::transport::Channel;

use crate::support::{KEY, key_file, params, policy_value, spec};

/// How long anything may take on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The running program.
pub(crate) struct Program {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    pub(crate) address: String,
    pub(crate) monitoring: String,
}

/// The command, with nothing of this process's environment that would say something.
pub(crate) fn command(flags: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mixer-newrelic-adapter"));
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.args(flags).envs(variables.iter().copied()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

impl Program {
    /// Starts it on free ports, and waits until it serves.
    pub(crate) async fn start(flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = command(flags, variables);
        command.args(["--address=127.0.0.1:0", "--monitoringAddress=127.0.0.1:0"]);
        command.args(["--logFormat=json", "--drainDelay=0s"]);
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut program = Self { child, log, address: String::new(), monitoring: String::new() };
        let serves = program.line("adapter serves").await;
        let field = |name: &str| serves[name].as_str().unwrap().to_owned();
        program.address = field("address");
        program.monitoring = field("monitoring");
        program
    }

    /// Reads log lines up to the one whose message begins like this; its fields and its level.
    pub(crate) async fn line(&mut self, message: &str) -> Json {
        let reading = async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                let line: Json = serde_json::from_str(&line).unwrap();
                if line["fields"]["message"].as_str().is_some_and(|text| text.starts_with(message)) {
                    let mut fields = line["fields"].clone();
                    fields["level"] = line["level"].clone();
                    return fields;
                }
            }
            panic!("the process ended without saying {message:?}");
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("nobody says {message:?}"))
    }

    /// The body of a page of its monitoring port.
    pub(crate) async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.monitoring).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Its resident memory.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix("kB").unwrap().trim().parse().unwrap()
    }

    pub(crate) async fn client(&self) -> HandleMetricServiceClient<Channel> {
        HandleMetricServiceClient::connect(format!("http://{}", self.address)).await.unwrap()
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        // It must not wait for somebody who reads its log.
        let reading = async { while self.log.next_line().await.unwrap().is_some() {} };
        tokio::time::timeout(PATIENCE, reading).await.unwrap();
        assert!(tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().success());
    }
}

/// A call with so many samples of metric `c`, for a handler with these params.
pub(crate) fn request(params: &Json, samples: usize, dimensions: &[(&str, Value)]) -> HandleMetricRequest {
    let dimensions =
        dimensions.iter().map(|(name, value)| ((*name).to_owned(), policy_value(value))).collect();
    let instance = InstanceMsg {
        name: "c.instance.ns".into(),
        value: Some(policy_value(&Value::Int64(1))),
        dimensions,
        ..Default::default()
    };
    HandleMetricRequest {
        instances: vec![instance; samples],
        adapter_config: Some(prost_types::Any {
            type_url: "type.googleapis.com/adapter.newrelic.config.Params".into(),
            value: spec(params).params.to_vec(),
        }),
        dedup_id: String::new(),
    }
}

/// What a handler of the original's configuration does when everything is said by the process.
async fn arrives(flags: &[String], variables: &[(&str, &str)], fake: &FakeNewRelic) -> Json {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let program = Program::start(&flags, variables).await;
    let original =
        json!({"namespace": "istio", "metrics": {"c.instance.ns": {"name": "c", "type": "COUNT"}}});
    program.client().await.handle_metric(request(&original, 3, &[])).await.unwrap();
    let seen = tokio::time::timeout(PATIENCE, fake.requests(1)).await.unwrap();
    program.stop().await;
    assert_eq!(seen.faults, [] as [String; 0]);
    seen.metrics[0].clone()
}

#[tokio::test]
async fn flags_of_the_original_work_as_they_are() {
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    let flags = [
        "--cluster-name=west".to_owned(),
        "--harvest-period=100ms".to_owned(),
        format!("--metrics-host={}", fake.url(IngestApi::Metric)),
        format!("--spans-host={}", fake.url(IngestApi::Trace)),
        "--log-level=info".to_owned(),
        KEY.to_owned(),
    ];
    let metric = arrives(&flags, &[], &fake).await;
    assert_eq!((&metric["value"], &metric["attributes"]["cluster.name"]), (&json!(3.0), &json!("west")));
}

#[tokio::test]
async fn variables_of_the_original_work_as_they_are() {
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    let url = fake.url(IngestApi::Metric);
    let variables = [
        ("NEW_RELIC_API_KEY", KEY),
        ("NEW_RELIC_CLUSTER_NAME", "west"),
        ("NEW_RELIC_HARVEST_PERIOD", "100ms"),
        ("NEW_RELIC_METRICS_HOST", url.as_str()),
        ("NEW_RELIC_LOG_LEVEL", "info"),
    ];
    let metric = arrives(&[], &variables, &fake).await;
    assert_eq!((&metric["value"], &metric["attributes"]["cluster.name"]), (&json!(3.0), &json!("west")));
}

#[tokio::test]
async fn a_key_on_the_command_line_is_warned_about_and_not_shown() {
    let mut program = Program::start(&[KEY], &[]).await;
    // It was said before the port was served; the next program says it again where it is read.
    program.stop().await;
    let mut command = command(&[KEY, "--logFormat=json", "--address=127.0.0.1:0", "--noMonitoring"], &[]);
    let mut child = command.spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = tokio::time::timeout(PATIENCE, log.next_line()).await.unwrap().unwrap().unwrap();
    assert!(first.contains("\"WARN\"") && first.contains("command line") && !first.contains(KEY), "{first}");
    child.kill().await.unwrap();
    program = Program::start(&[], &[("NEW_RELIC_API_KEY", KEY)]).await;
    program.stop().await;
}

#[tokio::test]
async fn a_variable_that_is_none_ends_the_process_with_its_name() {
    let output = command(&[], &[("NEW_RELIC_PORT", "http")]).output().await.unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("NEW_RELIC_PORT"), "{text}");
}

#[tokio::test]
async fn the_self_test_says_what_was_answered() {
    let directory = tempfile::tempdir().unwrap();
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    let file = directory.path().join("params.yaml");
    let key = json!({"api_key_file": key_file(&directory, KEY)});
    std::fs::write(&file, params(&fake, &key).to_string()).unwrap();
    let run = async || {
        let flag = format!("--params={}", file.display());
        let output = command(&["--selfTest", &flag], &[]).output().await.unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (passed, text) = run().await;
    assert!(passed && text.contains("status=202"), "{text}");
    assert!(text.contains("f0e7bfff-001a-b000-0000-000000000001"), "the id of the answer: {text}");
    assert_eq!(fake.seen().faults, [] as [String; 0]);
    fake.script(403, None);
    let (passed, text) = run().await;
    assert!(!passed && text.contains("403") && !text.contains(KEY), "{text}");
}

/// The id of each answer is in the log when asked for, to be found again in the account.
#[tokio::test]
async fn ids_of_answers_are_logged_at_debug() {
    let directory = tempfile::tempdir().unwrap();
    let fake = FakeNewRelic::start(KEY).await.unwrap();
    let key = json!({"api_key_file": key_file(&directory, KEY), "harvest_period": "0.1s"});
    let params = params(&fake, &key);
    let mut program = Program::start(&["--log-level=debug"], &[]).await;
    program.client().await.handle_metric(request(&params, 1, &[])).await.unwrap();
    let line = program.line("New Relic answered").await;
    assert_eq!((&line["level"], &line["status"]), (&json!("DEBUG"), &json!(202)));
    assert_eq!(line["answer_id"], "f0e7bfff-001a-b000-0000-000000000001");
    assert_eq!(line["request_id"].as_str(), Some(&*fake.seen().request_ids[0]));
    program.stop().await;
}
