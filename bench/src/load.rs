//! Callers that call one after the other without pause, and the CPU that the called processes need for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::future::try_join_all;
use http::uri::PathAndQuery;
use mixer_rpc::raw::unary;
use serde::{Deserialize, Serialize};
use tonic::Request;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};

use crate::traffic::Traffic;
use crate::usage;

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(30);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);
/// What is still to do when the last answer has arrived, such as the end of a stream, belongs to the calls.
const SETTLE: Duration = Duration::from_millis(50);

/// How many call at once, and over how many connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Callers {
    /// Calls in flight.
    pub(crate) callers: usize,
    /// Connections that they share.
    pub(crate) connections: usize,
}

/// What some processes needed for some calls.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Calls that were answered.
    pub(crate) calls: u64,
    /// Bags in them.
    pub(crate) bags: u64,
    /// User and system time of each process.
    pub(crate) cpu: Vec<Duration>,
    /// Wall-clock time.
    pub(crate) elapsed: Duration,
}

impl Sample {
    /// Microseconds of CPU for one bag, all processes together.
    pub(crate) fn cpu_per_bag(&self) -> f64 {
        self.cpu.iter().sum::<Duration>().as_secs_f64() * 1e6 / self.bags.max(1) as f64
    }

    /// The same of one of the processes.
    pub(crate) fn cpu_per_bag_of(&self, process: usize) -> f64 {
        let cpu = self.cpu.get(process).copied().unwrap_or_default();
        cpu.as_secs_f64() * 1e6 / self.bags.max(1) as f64
    }

    /// Calls in a second.
    pub(crate) fn calls_per_second(&self) -> f64 {
        self.calls as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// Calls to one server. Each call takes the next message, whoever makes it.
#[derive(Debug)]
pub(crate) struct Load {
    channels: Vec<Channel>,
    path: PathAndQuery,
    traffic: Arc<Traffic>,
    callers: usize,
    started: AtomicU64,
    answered: AtomicU64,
}

impl Load {
    /// Connects to a server on this port of loopback, as soon as it listens.
    ///
    /// # Errors
    /// It does not.
    pub(crate) async fn connect(port: u16, callers: Callers, traffic: Traffic) -> anyhow::Result<Self> {
        let connections = callers.connections.clamp(1, callers.callers.max(1));
        let channels = try_join_all((0..connections).map(|_| connect(port))).await?;
        Ok(Self {
            channels,
            path: PathAndQuery::from_static(traffic.path),
            traffic: Arc::new(traffic),
            callers: callers.callers.max(1),
            started: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        })
    }

    /// Bags in all calls that were answered so far.
    pub(crate) fn bags(&self) -> u64 {
        self.answered.load(Ordering::Relaxed) * self.traffic.bags
    }

    /// Calls for this long, and finishes the calls that have begun.
    ///
    /// # Errors
    /// A call failed, or was answered wrongly.
    pub(crate) async fn run_for(&self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        self.run(|_| Instant::now() < end).await
    }

    /// Makes this many calls.
    ///
    /// # Errors
    /// As [`Self::run_for`].
    pub(crate) async fn run_calls(&self, calls: u64) -> anyhow::Result<()> {
        let end = self.started.load(Ordering::Relaxed) + calls;
        self.run(|number| number < end).await?;
        // Each caller took one number too many to see that it was over.
        self.started.store(end, Ordering::Relaxed);
        Ok(())
    }

    /// Calls for this long, and reads what the processes needed for it.
    ///
    /// # Errors
    /// As [`Self::run_for`], or a process is gone.
    pub(crate) async fn measure(&self, time: Duration, pids: &[u32]) -> anyhow::Result<Sample> {
        let (calls, cpu, start) =
            (self.answered.load(Ordering::Relaxed), usage::cpu_of_each(pids)?, Instant::now());
        self.run_for(time).await?;
        let elapsed = start.elapsed();
        tokio::time::sleep(SETTLE).await;
        let calls = self.answered.load(Ordering::Relaxed) - calls;
        let after = usage::cpu_of_each(pids)?;
        let cpu = after.into_iter().zip(cpu).map(|(after, before)| after.saturating_sub(before)).collect();
        Ok(Sample { calls, bags: calls * self.traffic.bags, cpu, elapsed })
    }

    async fn run(&self, go_on: impl Fn(u64) -> bool) -> anyhow::Result<()> {
        let callers = (0..self.callers).zip(self.channels.iter().cycle());
        try_join_all(callers.map(|(_, channel)| self.call(channel, &go_on))).await?;
        Ok(())
    }

    async fn call(&self, channel: &Channel, go_on: &impl Fn(u64) -> bool) -> anyhow::Result<()> {
        let mut client = Grpc::new(channel.clone());
        loop {
            let number = self.started.fetch_add(1, Ordering::Relaxed);
            if !go_on(number) {
                return Ok(());
            }
            let message = self.traffic.message(number);
            let sent = message.len();
            let answer = unary(&mut client, self.path.clone(), Request::new(message))
                .await
                .with_context(|| format!("call {number} of {}", self.path))?;
            self.traffic.judge(sent, answer.get_ref())?;
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn connect(port: u16) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?;
    let connected = async {
        loop {
            if let Ok(channel) = endpoint.connect().await {
                return channel;
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    };
    let late = || format!("nothing listens on 127.0.0.1:{port} after {START:?}");
    tokio::time::timeout(START, connected).await.with_context(late)
}
