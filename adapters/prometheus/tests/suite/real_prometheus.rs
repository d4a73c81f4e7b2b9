//! Debian's Prometheus beside the adapter: it scrapes every format, takes remote write, and gives back the same values.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use mixer_adapter_sdk::Handler;
use mixer_harness::{HttpClient, Process, client, free_ports, get, real_program, wait_ok};
use mixer_prometheus_adapter::PrometheusAdapter;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::support::*;

/// Test machines may be slow and busy.
const PATIENCE: Duration = Duration::from_secs(120);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// A running Prometheus with its data in a folder.
struct Prometheus {
    process: [Process; 1],
    port: u16,
    client: HttpClient,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts it with these jobs: a name and an address each.
    async fn start(program: &Path, jobs: &[(&str, SocketAddr)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [port] = free_ports().unwrap();
        let process =
            Process::start("prometheus", command(program, folder.path(), port, jobs), folder.path());
        let mut process = [process.unwrap()];
        wait_ok(port, "/-/ready", &mut process).await.unwrap();
        Self { process, port, client: client(), _folder: folder }
    }

    fn receiver(&self) -> String {
        format!("http://127.0.0.1:{}/api/v1/write", self.port)
    }

    /// The data of an answer of its API.
    async fn api(&mut self, path: &str) -> Json {
        self.process[0].still_running().unwrap();
        let (status, body) = get(&self.client, self.port, path).await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        let answer: Json = serde_json::from_str(&body).unwrap();
        answer["data"].clone()
    }

    /// The result of a query: each series' labels, and its value as text, sorted.
    async fn query(&mut self, query: &str) -> Vec<(String, String)> {
        let data = self.api(&format!("/api/v1/query?query={}", escaped(query))).await;
        let series = data["result"].as_array().unwrap();
        let mut found: Vec<_> = series
            .iter()
            .map(|series| {
                let value = &series["value"][1];
                (series["metric"].to_string(), value.as_str().unwrap_or_default().to_owned())
            })
            .collect();
        found.sort();
        found
    }

    /// Waits until the one series of a query has this value.
    async fn wait(&mut self, query: &str, expected: f64) {
        let answered = async {
            loop {
                let found = self.query(query).await;
                if found.iter().any(|(_, value)| value.parse() == Ok(expected)) {
                    return;
                }
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        };
        if tokio::time::timeout(PATIENCE, answered).await.is_err() {
            let found = self.query(query).await;
            let log = self.process[0].output();
            panic!("{query} is {found:?}, not {expected}; Prometheus says:\n{log}");
        }
    }

    /// The exemplars of a query: trace and value, sorted, as soon as there are so many.
    async fn exemplars(&mut self, query: &str, count: usize) -> Vec<(String, String)> {
        let path = format!("/api/v1/query_exemplars?query={}&start=0&end=9999999999", escaped(query));
        let answered = async {
            loop {
                let data = self.api(&path).await;
                let series = data.as_array().unwrap();
                let all = series.iter().flat_map(|series| series["exemplars"].as_array().unwrap().clone());
                let text = |value: &Json| value.as_str().unwrap().to_owned();
                let mut found: Vec<_> =
                    all.map(|one| (text(&one["labels"]["trace_id"]), text(&one["value"]))).collect();
                found.sort();
                found.dedup();
                if found.len() >= count {
                    return found;
                }
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        };
        tokio::time::timeout(PATIENCE, answered).await.unwrap()
    }
}

fn command(program: &Path, folder: &Path, port: u16, jobs: &[(&str, SocketAddr)]) -> tokio::process::Command {
    let job = |(name, address): &(&str, SocketAddr)| json!({ "job_name": name, "static_configs": [{ "targets": [address.to_string()] }] });
    let config = json!({
        "global": { "scrape_interval": "500ms", "scrape_timeout": "450ms" },
        "scrape_configs": jobs.iter().map(job).collect::<Vec<_>>(),
    });
    let file = folder.join("prometheus.yml");
    // JSON is YAML.
    std::fs::write(&file, config.to_string()).unwrap();
    let mut command = tokio::process::Command::new(program);
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--web.enable-remote-write-receiver")
        .arg("--enable-feature=native-histograms,exemplar-storage");
    command
}

fn escaped(query: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    query.bytes().map(escape).collect()
}

/// Forwards scrapes with another `Accept` header, because this Prometheus cannot be told which format to ask for.
async fn asking_for(accept: &'static str, adapter: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A scrape that breaks off is tried again.
            tokio::spawn(async move { forward(stream, accept, adapter).await.ok() });
        }
    });
    address
}

async fn forward(mut from: TcpStream, accept: &str, to: SocketAddr) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(from.read_u8().await?);
    }
    let mut to = TcpStream::connect(to).await?;
    to.write_all(format!("GET /metrics HTTP/1.0\r\nhost: x\r\naccept: {accept}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    to.read_to_end(&mut answer).await?;
    from.write_all(&answer).await
}

fn metrics() -> [MetricInfo; 4] {
    let native_histogram = Some(NativeHistogram::default());
    let h = MetricInfo { buckets: explicit(&[0.5, 1.0, 5.0]), ..metric("h", Kind::Distribution, &["a"]) };
    [
        with_exemplars(metric("c_total", Kind::Counter, &["a"]), &["trace_id"]),
        metric("g", Kind::Gauge, &["a"]),
        with_exemplars(h, &["trace_id"]),
        MetricInfo { native_histogram, ..metric("n", Kind::Distribution, &["a"]) },
    ]
}

async fn report_all(handler: &dyn Handler) {
    let label = || ("a", text("grüße \"\\\n"));
    for (number, value) in [0.3, 0.7, 2.0, 40.0].into_iter().enumerate() {
        let trace = ("trace_id", text(&format!("trace{number}")));
        report(handler, "h", Value::DoubleValue(value), &[label(), trace]).await;
        report(handler, "n", Value::DoubleValue(value), &[label()]).await;
    }
    report(handler, "c_total", Value::DoubleValue(2.5), &[label(), ("trace_id", text("trace9"))]).await;
    report(handler, "g", Value::DoubleValue(-1e-9), &[label()]).await;
}

/// Series of a job, without what differs between jobs.
async fn of_job(prometheus: &mut Prometheus, job: &str) -> Vec<(String, String)> {
    let selector = format!("{{job=\"{job}\",__name__=~\"t_[cgh].*\"}}");
    let found = prometheus.query(&selector).await;
    let plain = |(labels, value): (String, String)| {
        let mut labels: Json = serde_json::from_str(&labels).unwrap();
        let map = labels.as_object_mut().unwrap();
        map.remove("job");
        map.remove("instance");
        // OpenMetrics writes bounds with a point.
        if let Some(bound) = map.get("le").and_then(|le| le.as_str()?.parse::<f64>().ok()) {
            map.insert("le".to_owned(), json!(bound.to_string()));
        }
        (labels.to_string(), value)
    };
    let mut found: Vec<_> = found.into_iter().map(plain).collect();
    found.sort();
    found
}

#[tokio::test]
async fn every_format_is_scraped_with_the_same_values() {
    let Some(program) = real_program("MIXER_PROMETHEUS").unwrap() else {
        println!("skipped: run `cargo xtask test`, which installs Prometheus");
        return;
    };
    let adapter = adapter();
    let handler = build(&adapter, "h", &params(&metrics())).await.unwrap();
    report_all(&*handler).await;
    let address = adapter.scrape_address().await.unwrap();
    let text = asking_for("text/plain;version=0.0.4", address).await;
    let open_metrics = asking_for("application/openmetrics-text;version=1.0.0", address).await;
    // With native histograms this Prometheus asks for protobuf by itself.
    let jobs = [("text", text), ("openmetrics", open_metrics), ("protobuf", address)];
    let mut prometheus = Prometheus::start(&program, &jobs).await;
    for (job, _) in jobs {
        prometheus.wait(&format!("up{{job=\"{job}\"}}"), 1.0).await;
        prometheus.wait(&format!("t_c_total{{job=\"{job}\"}}"), 2.5).await;
    }
    let in_text = of_job(&mut prometheus, "text").await;
    assert_eq!(in_text.len(), 8, "{in_text:?}");
    for (job, _) in jobs {
        assert_eq!(of_job(&mut prometheus, job).await, in_text, "{job}");
    }
    prometheus.wait("histogram_count(t_n{job=\"protobuf\"})", 4.0).await;
    prometheus.wait("histogram_sum(t_n{job=\"protobuf\"})", 43.0).await;
    // Between 0.7 and 2, to the resolution of 1.1.
    let half = prometheus.query("histogram_quantile(0.5, t_n{job=\"protobuf\"})").await;
    let half: f64 = half[0].1.parse().unwrap();
    assert!((0.63..=0.78).contains(&half), "{half}");
    assert_eq!(prometheus.query("t_n_bucket{job=\"protobuf\"}").await, [], "it is a native one there");
    prometheus.wait("t_n_count{job=\"text\"}", 4.0).await;
    for job in ["openmetrics", "protobuf"] {
        let found = prometheus.exemplars(&format!("t_h_bucket{{job=\"{job}\"}}"), 4).await;
        let values = ["0.3", "0.7", "2", "40"].iter().enumerate();
        let expected: Vec<_> =
            values.map(|(number, value)| (format!("trace{number}"), (*value).to_owned())).collect();
        assert_eq!(found, expected, "{job}");
        let found = prometheus.exemplars(&format!("t_c_total{{job=\"{job}\"}}"), 1).await;
        assert_eq!(found, [("trace9".to_owned(), "2.5".to_owned())]);
    }
    handler.close().await;
}

async fn written(
    program: &Path,
    protocol: Protocol,
) -> (Prometheus, PrometheusAdapter, std::sync::Arc<dyn Handler>) {
    let prometheus = Prometheus::start(program, &[]).await;
    let to = RemoteWrite {
        protocol: protocol.into(),
        send_period: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
        external_labels: [("job".to_owned(), "pushed".to_owned())].into(),
        ..send_to(&prometheus.receiver())
    };
    let adapter = adapter();
    let params = Params { remote_write: vec![to], scrape: Some(false), ..params(&metrics()) };
    let handler = build(&adapter, "h", &params).await.unwrap();
    report_all(&*handler).await;
    (prometheus, adapter, handler)
}

#[tokio::test]
async fn remote_write_arrives_with_the_same_values() {
    let Some(program) = real_program("MIXER_PROMETHEUS").unwrap() else {
        println!("skipped: run `cargo xtask test`, which installs Prometheus");
        return;
    };
    // This Prometheus takes a request of 2.0 for an empty one of 1.0, which has to be noticed.
    for protocol in [Protocol::V1, Protocol::Auto] {
        let (mut prometheus, _adapter, handler) = written(&program, protocol).await;
        prometheus.wait("t_c_total", 2.5).await;
        prometheus.wait("t_g", -1e-9).await;
        for (bound, count) in [("0.5", 1.0), ("1", 2.0), ("5", 3.0), ("+Inf", 4.0)] {
            prometheus.wait(&format!("t_h_bucket{{le=\"{bound}\"}}"), count).await;
        }
        prometheus.wait("t_h_sum", 43.0).await;
        prometheus.wait("t_h_count", 4.0).await;
        prometheus.wait("histogram_count(t_n)", 4.0).await;
        prometheus.wait("histogram_sum(t_n)", 43.0).await;
        let found = prometheus.exemplars("t_h_bucket", 4).await;
        assert_eq!(found[3], ("trace3".to_owned(), "40".to_owned()));
        let labels: Json = serde_json::from_str(&prometheus.query("t_c_total").await[0].0).unwrap();
        assert_eq!(labels, json!({ "__name__": "t_c_total", "a": "grüße \"\\\n", "job": "pushed" }));
        // A second snapshot, in order after the first.
        report(&*handler, "c_total", Value::DoubleValue(1.0), &[("a", text("grüße \"\\\n"))]).await;
        report(&*handler, "n", Value::DoubleValue(0.0), &[("a", text("grüße \"\\\n"))]).await;
        prometheus.wait("t_c_total", 3.5).await;
        prometheus.wait("histogram_count(t_n)", 5.0).await;
        // A series that has ended is gone at once, not after five minutes.
        handler.close().await;
        prometheus.wait("count({__name__=~\"t_.*\"}) or vector(0)", 0.0).await;
        let log = prometheus.process[0].output();
        assert!(!log.contains("level=error") && !log.contains("out of order"), "{log}");
    }
}
