//! The same instances to a strict fake and to real collectors: what Datadog's test agent shows, and what Rotel, a collector in
//! Rust, passes on, is what the fake got, value by value.

use std::path::Path;

use base64::Engine as _;
use mixer_harness::{HttpClient, Process, client, free_ports, get, wait_ok};
use mixer_proto::otlp;
use mixer_testkit::{FakeCollector, OtlpSeen};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value as Json, json};

use crate::flat;
use crate::protocols::{PROTOCOLS, report_all};
use crate::support::{PATIENCE, Rig, build};

/// What the strict fake got of [`report_all`].
async fn wanted(more: &Json) -> [Vec<Json>; 3] {
    let rig = Rig::new(more.clone()).await;
    report_all(&rig).await;
    flattened(&rig.close().await)
}

fn flattened(seen: &OtlpSeen) -> [Vec<Json>; 3] {
    [flat::metrics(seen), flat::logs(seen), flat::spans(seen)]
}

/// Reports to the collector at these addresses, and flushes.
async fn send(protocol: &str, endpoint: &str, more: Json) {
    let mut more = more;
    more["exporter"]["protocol"] = json!(protocol);
    let fake = FakeCollector::start(None).await.unwrap();
    let rig = Rig { handler: build(&Rig::params(endpoint, more)).await, fake };
    report_all(&rig).await;
    tokio::time::timeout(PATIENCE, rig.handler.close()).await.unwrap();
}

#[tokio::test]
async fn datadog_test_agent() {
    let Some(folder) = mixer_harness::real_folder("MIXER_DDAPM").unwrap() else {
        return eprintln!(
            "skipped: MIXER_DDAPM does not name the test agent; `cargo xtask test` installs it"
        );
    };
    let wanted = wanted(&json!({})).await;
    for (protocol, _) in PROTOCOLS {
        let logs = tempfile::tempdir().unwrap();
        let [apm, http, grpc] = free_ports().unwrap();
        let _agent = start_agent(&folder, logs.path(), [apm, http, grpc]).await;
        let port = if protocol == "GRPC" { grpc } else { http };
        send(protocol, &format!("http://127.0.0.1:{port}"), json!({})).await;
        let client = client();
        let seen = OtlpSeen {
            metrics: session(&client, http, "metrics").await,
            logs: session(&client, http, "logs").await,
            traces: session(&client, http, "traces").await,
            ..OtlpSeen::default()
        };
        assert_eq!(flattened(&seen), wanted, "{protocol}");
    }
}

async fn start_agent(folder: &Path, logs: &Path, [apm, http, grpc]: [u16; 3]) -> Process {
    let mut command = tokio::process::Command::new("python3");
    command.arg(folder.join("bin/ddapm-test-agent")).env("PYTHONPATH", folder).current_dir(logs);
    command.arg(format!("--port={apm}"));
    command.arg(format!("--otlp-http-port={http}")).arg(format!("--otlp-grpc-port={grpc}"));
    let agent = Process::start("ddapm-test-agent", command, logs).unwrap();
    let mut agents = [agent];
    wait_ok(http, "/test/session/metrics", &mut agents).await.unwrap();
    // gRPC is there when a connection is.
    let connected = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", grpc)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, connected).await.unwrap();
    let [agent] = agents;
    agent
}

/// The requests that the agent shows: those that came as protobuf by the names of proto files and with base64, those that
/// came as JSON as they were.
async fn session<M: Message + Default + prost::Name>(client: &HttpClient, port: u16, signal: &str) -> Vec<M> {
    let (status, body) = get(client, port, &format!("/test/session/{signal}")).await.unwrap();
    assert_eq!(status, 200);
    let requests: Vec<Json> = serde_json::from_str(&body).unwrap();
    let pool = DescriptorPool::decode(otlp::DESCRIPTOR_SET).unwrap();
    let message = pool.get_message_by_name(&M::full_name()).unwrap();
    let decode = |mut request: Json| {
        base64_ids(&mut request);
        let message = DynamicMessage::deserialize(message.clone(), request).unwrap();
        M::decode(&*message.encode_to_vec()).unwrap()
    };
    requests.into_iter().map(decode).collect()
}

fn base64_ids(json: &mut Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(base64_ids),
        Json::Object(fields) => fields.iter_mut().for_each(|(name, value)| match value {
            Json::String(id) if matches!(name.as_str(), "traceId" | "spanId" | "parentSpanId") => {
                let byte = |at: usize| u8::from_str_radix(&id[at..at + 2], 16).unwrap();
                let bytes: Vec<u8> = (0..id.len()).step_by(2).map(byte).collect();
                *id = base64::engine::general_purpose::STANDARD.encode(bytes);
            }
            other => base64_ids(other),
        }),
        _ => {}
    }
}

#[tokio::test]
async fn rotel() {
    let Some(program) = mixer_harness::real_program("MIXER_ROTEL").unwrap() else {
        return eprintln!("skipped: MIXER_ROTEL does not name Rotel; `cargo xtask test` installs it");
    };
    for (protocol, _) in PROTOCOLS {
        // Rotel finds no data points in histograms that come as JSON; the agent above does.
        let gauge = json!({"type": "GAUGE", "bounds": []});
        let more = match protocol {
            "HTTP_JSON" => {
                json!({"metrics": {"histogram.instance.ns": gauge, "exponential.instance.ns": gauge}})
            }
            _ => json!({}),
        };
        let wanted = wanted(&more).await;
        let behind = FakeCollector::start(None).await.unwrap();
        let logs = tempfile::tempdir().unwrap();
        let rotel = mixer_harness::rotel(&program, &behind.endpoint(), logs.path()).await.unwrap();
        let endpoint = if protocol == "GRPC" { rotel.grpc() } else { rotel.http() };
        send(protocol, &endpoint, more).await;
        let arrived = behind.until(|seen| {
            !seen.faults.is_empty()
                || [seen.metrics.len(), seen.logs.len(), seen.traces.len()].iter().all(|n| *n > 0)
        });
        let seen = tokio::time::timeout(PATIENCE, arrived).await;
        let seen =
            seen.unwrap_or_else(|_| panic!("{protocol}: {:?}\n{}", behind.seen(), rotel.process.output()));
        assert_eq!(seen.faults, [] as [String; 0], "{protocol}");
        assert_eq!(flattened(&seen), wanted, "{protocol}");
    }
}
