//! Makes the calls: groups of workers, each group with a thread and a connection of its own.

use std::cell::RefCell;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::Context as _;
use bytes::Bytes;
use futures::future::join_all;
use http::uri::PathAndQuery;
use mixer_proto::mixer::v1::CheckResponse;
use mixer_rpc::raw;
use prost::Message as _;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant, interval, sleep_until, timeout};
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::limiter::Limiter;
use crate::output::Output;
use crate::plan::{Calls, Plan};
use crate::summary::Statistics;
use crate::{connect, reply};

/// What all workers share.
struct Shared {
    plan: Plan,
    limiter: Option<Limiter>,
    output: Output,
    /// When no new call is made any more.
    end: Option<Instant>,
    /// Calls and failed calls so far, for the progress line.
    calls: AtomicU64,
    failed: AtomicU64,
}

/// Carries the plan out. True when every call succeeded.
///
/// # Errors
/// The system lends no threads or no timers.
pub(crate) fn run(plan: Plan) -> anyhow::Result<bool> {
    if !plan.ignored.is_empty() {
        let flags = plan.ignored.join(", ");
        let _ = writeln!(std::io::stderr(), "warning: {flags}: without effect, mixc sends no trace spans");
    }
    let start = Instant::now();
    let shared = Arc::new(Shared {
        limiter: plan.rate.map(Limiter::new),
        end: plan.duration.map(|duration| start + duration),
        plan,
        output: Output::default(),
        calls: AtomicU64::new(0),
        failed: AtomicU64::new(0),
    });
    let (stop, stopped) = watch::channel(false);
    let (done, mut all_done) = mpsc::channel::<()>(1);
    let mut groups = Vec::new();
    for workers in group_sizes(shared.plan.workers) {
        let (shared, stopped, done) = (shared.clone(), stopped.clone(), done.clone());
        let group = move || {
            let _done = done;
            group(&shared, workers, stopped)
        };
        groups.push(thread::Builder::new().name("workers".to_owned()).spawn(group)?);
    }
    drop((stopped, done));
    runtime()?.block_on(watch_over(&shared, &mut all_done, &stop));
    let mut all = Statistics::new()?;
    for group in groups {
        let statistics = group.join().ok().context("a worker thread ended early")??;
        all.add(&statistics);
    }
    Ok(finish(&shared, &all, start.elapsed()))
}

/// Half of the cores make the calls, so that the other half can answer when both are on one machine.
fn group_sizes(workers: usize) -> Vec<usize> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let groups = workers.min(cores.div_ceil(2));
    (0..groups).map(|group| workers / groups + usize::from(group < workers % groups)).collect()
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Shows progress until all workers are done; an interrupt ends the calls that are open.
async fn watch_over(shared: &Shared, all_done: &mut mpsc::Receiver<()>, stop: &watch::Sender<bool>) {
    let mut seconds = interval(Duration::from_secs(1));
    let mut stderr = std::io::stderr();
    let show = shared.plan.is_load() && !shared.plan.print_response && stderr.is_terminal();
    loop {
        tokio::select! {
            _ = all_done.recv() => break,
            interrupt = tokio::signal::ctrl_c() => {
                if interrupt.is_ok() {
                    let _ = stop.send(true);
                }
            }
            _ = seconds.tick(), if show => {
                let calls = shared.calls.load(Ordering::Relaxed);
                let failed = shared.failed.load(Ordering::Relaxed);
                let _ = write!(stderr, "\r{calls} calls, {failed} failed");
                let _ = stderr.flush();
            }
        }
    }
    if show {
        let _ = writeln!(stderr);
    }
}

fn finish(shared: &Shared, all: &Statistics, elapsed: Duration) -> bool {
    if shared.plan.is_load() {
        shared.output.write(&all.text(elapsed));
    } else if let (Some(error), Calls::Report { .. }, false) =
        (&all.first_error, &shared.plan.calls, shared.plan.print_response)
    {
        // The only failure that nothing was printed about.
        let _ = writeln!(std::io::stderr(), "Report RPC returned {error}");
    }
    all.failed() == 0 && !shared.output.is_closed()
}

fn group(shared: &Shared, workers: usize, mut stopped: watch::Receiver<bool>) -> anyhow::Result<Statistics> {
    let statistics = RefCell::new(Statistics::new()?);
    runtime()?.block_on(async {
        let channel = connect::channel(&shared.plan.endpoint, shared.plan.tls.as_ref()).await?;
        let workers = join_all((0..workers).map(|_| worker(shared, channel.clone(), &statistics)));
        tokio::select! {
            _ = workers => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        anyhow::Ok(())
    })?;
    Ok(statistics.into_inner())
}

async fn worker(shared: &Shared, channel: Channel, statistics: &RefCell<Statistics>) {
    let mut client = Grpc::new(channel);
    let path = shared.plan.calls.path();
    for call in 0..shared.plan.calls_per_worker.unwrap_or(u64::MAX) {
        if !shared.turn().await {
            break;
        }
        let (message, bags) = shared.plan.calls.request(call);
        let start = Instant::now();
        let answer = send(&mut client, path.clone(), message, shared.plan.timeout).await;
        let latency = start.elapsed();
        let answer = answer.and_then(|message| read(&shared.plan.calls, message));
        let mut statistics = statistics.borrow_mut();
        statistics.record(latency, bags);
        shared.calls.fetch_add(1, Ordering::Relaxed);
        match &answer {
            Ok(Some(response)) => statistics.answered(response),
            Ok(None) => {}
            Err(status) => {
                statistics.fail(status);
                shared.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        if let Some(text) = text(&shared.plan, &answer) {
            shared.output.write(&text);
        }
    }
}

impl Shared {
    /// Waits until another call may be made; false when none may.
    async fn turn(&self) -> bool {
        let turn = async {
            if let Some(limiter) = &self.limiter {
                limiter.turn().await;
            }
        };
        let in_time = match self.end {
            None => {
                turn.await;
                true
            }
            Some(end) => {
                tokio::select! {
                    biased;
                    () = turn => {}
                    () = sleep_until(end) => {}
                }
                Instant::now() < end
            }
        };
        in_time && !self.output.is_closed()
    }
}

async fn send(
    client: &mut Grpc<Channel>,
    path: PathAndQuery,
    message: Bytes,
    limit: Option<Duration>,
) -> Result<Bytes, Status> {
    let mut request = Request::new(message);
    let Some(limit) = limit else {
        return raw::unary(client, path, request).await.map(tonic::Response::into_inner);
    };
    request.set_timeout(limit);
    let start = Instant::now();
    match timeout(limit, raw::unary(client, path, request)).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        // The transport watches the same deadline and may be first to notice, with another code.
        Ok(Err(_)) if start.elapsed() >= limit => Err(late(limit)),
        Ok(Err(status)) => Err(status),
        Err(_) => Err(late(limit)),
    }
}

fn late(limit: Duration) -> Status {
    let limit = mixer_attribute::Duration::from_std(limit);
    Status::deadline_exceeded(format!("no answer within {limit}"))
}

/// The response of a check; a report's has nothing in it.
fn read(calls: &Calls, message: Bytes) -> Result<Option<CheckResponse>, Status> {
    match calls {
        Calls::Check { .. } => CheckResponse::decode(message)
            .map(Some)
            .map_err(|error| Status::internal(format!("the answer is no CheckResponse: {error}"))),
        Calls::Report { .. } => Ok(None),
    }
}

/// The lines to print for a call. A check that failed is printed in any case, as the original does.
fn text(plan: &Plan, answer: &Result<Option<CheckResponse>, Status>) -> Option<String> {
    match (&plan.calls, answer) {
        (Calls::Check { .. }, Err(status)) => {
            Some(format!("Check RPC failed with: {}\n", reply::call_status(status)))
        }
        _ if !plan.print_response => None,
        (Calls::Report { .. }, Err(status)) => {
            Some(format!("Report RPC returned {}\n", reply::call_status(status)))
        }
        (_, Ok(Some(response))) => Some(reply::check(response)),
        (_, Ok(None)) => Some("Report RPC returned OK\n".to_owned()),
    }
}
