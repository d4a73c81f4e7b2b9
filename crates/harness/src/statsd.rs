//! Etsy's StatsD server as a counterpart: what it took is read back through its own port for administration.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::process::Command;

use crate::{Process, free_ports, real_program};

/// How long the server may take to come up, or to show what it was sent.
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// What says whether the server hears.
const PROBE: &str = "harness.probe";

/// A running server, which takes lines over UDP and over TCP at two ports.
#[derive(Debug)]
pub struct StatsdServer {
    process: Process,
    ports: [u16; 3],
    probes: u64,
}

/// What the server knows, by the names of metrics: the values as it prints them.
pub type Printed = BTreeMap<String, String>;

impl StatsdServer {
    /// Starts the server that `MIXER_STATSD` names (its `stats.js`), and waits until it hears.
    ///
    /// Nothing when there is none in a plain `cargo test`.
    ///
    /// # Errors
    /// It is missing although real counterparts are required, or does not come up.
    pub async fn start(folder: &Path) -> anyhow::Result<Option<Self>> {
        let Some(script) = real_program("MIXER_STATSD")? else { return Ok(None) };
        let ports = free_ports::<3>()?;
        let [udp, tcp, admin] = ports;
        let host = "address: '127.0.0.1'";
        let config = format!(
            "{{ servers: [ {{server: './servers/udp', {host}, port: {udp}}}, {{server: './servers/tcp', {host}, port: {tcp}}} ],
               mgmt_address: '127.0.0.1', mgmt_port: {admin}, backends: [], flushInterval: 86400000 }}"
        );
        let file = folder.join("statsd.js");
        std::fs::write(&file, config)?;
        let mut command = Command::new("node");
        command.arg(script).arg(&file);
        let mut server = Self { process: Process::start("statsd", command, folder)?, ports, probes: 0 };
        server.wait_until_it_hears().await?;
        Ok(Some(server))
    }

    /// Where it takes lines over UDP.
    pub fn udp(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    /// Where it takes lines over TCP.
    pub fn tcp(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.ports[1])
    }

    async fn wait_until_it_hears(&mut self) -> anyhow::Result<()> {
        let heard = async {
            let socket = UdpSocket::bind("127.0.0.1:0").await?;
            loop {
                self.process.still_running()?;
                // Nobody may listen yet.
                let _ = socket.send_to(format!("{PROBE}:1|c").as_bytes(), self.udp()).await;
                if let Ok(counters) = self.ask("counters").await
                    && let Some(count) = counters.get(PROBE)
                {
                    self.probes = count.parse()?;
                    return Ok(());
                }
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.context("StatsD does not hear")?
    }

    /// What it prints for `counters`, `gauges` or `timers`, without what it counts of itself.
    ///
    /// # Errors
    /// It does not answer, or in another form.
    pub async fn ask(&self, what: &str) -> anyhow::Result<Printed> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.ports[2])).await?;
        stream.write_all(format!("{what}\n").as_bytes()).await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"END\n\n") {
            anyhow::ensure!(stream.read_buf(&mut answer).await? > 0, "StatsD hung up");
        }
        read(&String::from_utf8(answer)?)
    }

    /// Waits until it has taken so many lines, and says how many of them it did not understand.
    ///
    /// # Errors
    /// They do not come within a minute.
    pub async fn wait_for(&mut self, lines: u64) -> anyhow::Result<u64> {
        let number =
            |printed: &Printed, name: &str| printed.get(name).and_then(|text| text.parse::<u64>().ok());
        let came = async {
            loop {
                self.process.still_running()?;
                let counters = self.ask("counters").await?;
                let probes = number(&counters, PROBE).unwrap_or_default();
                let taken = number(&counters, "statsd.metrics_received").unwrap_or_default();
                if taken >= lines + probes {
                    anyhow::ensure!(taken == lines + probes, "{taken} lines, {probes} of them probes");
                    return Ok(number(&counters, "statsd.bad_lines_seen").unwrap_or_default());
                }
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        };
        tokio::time::timeout(PATIENCE, came).await.context("the lines do not come")?
    }

    /// [`StatsdServer::ask`] without what the server and this type count themselves.
    ///
    /// # Errors
    /// As there.
    pub async fn taken(&self, what: &str) -> anyhow::Result<Printed> {
        let mut printed = self.ask(what).await?;
        printed.retain(|name, _| !name.starts_with("statsd.") && name != PROBE);
        Ok(printed)
    }
}

/// Reads an object as Node shows it: `{ name: value, 'other name': [ 1, 2 ] }`.
fn read(text: &str) -> anyhow::Result<Printed> {
    let inner = text.trim().trim_end_matches("END").trim();
    let inner = inner.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).context("no object")?;
    let (mut depth, mut quoted, mut start, mut entries) = (0, false, 0, Vec::new());
    for (at, letter) in inner.char_indices() {
        match letter {
            '\'' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                entries.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    entries.push(&inner[start..]);
    let mut printed = Printed::new();
    for entry in entries.into_iter().map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, value) = match entry.strip_prefix('\'').and_then(|rest| rest.split_once("': ")) {
            Some(pair) => pair,
            None => entry.split_once(": ").with_context(|| format!("no entry: {entry}"))?,
        };
        printed.insert(name.to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    Ok(printed)
}
