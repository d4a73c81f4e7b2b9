//! The soak: the New Relic adapter with a spool under a constant load, while its backend goes away, asks for patience and
//! changes its certificate, and while the adapter is killed. In the end everything that it acknowledged must have
//! arrived.

mod plan;
mod sender;
mod watch;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use mixer_harness::free_ports;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;

use plan::{Event, Plan};
use sender::Sender;
use watch::Watch;

use crate::newrelic::backend::Backend;
use crate::newrelic::certificates;
use crate::newrelic::ledger::{Ledger, Shared};
use crate::newrelic::messages::Kind;
use crate::newrelic::subject::Subject;

/// Options of `mixer-bench soak`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// How long the load lasts.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Data points a second: half of them samples of counters, a quarter spans, a quarter log entries.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..))]
    rate: u64,
    /// The most that may have arrived late after the load, before the rest is taken for lost.
    #[arg(long, default_value_t = 5.0)]
    drain_minutes: f64,
}

/// Runs the soak; the table goes to standard output.
///
/// # Errors
/// A process does not start, or something that was acknowledged did not arrive.
pub(crate) async fn run(args: &Args) -> anyhow::Result<String> {
    let folder = tempfile::Builder::new().prefix("mixer-soak-").tempdir()?;
    let ledger: Arc<Shared> = Arc::new(Mutex::new(Ledger::default()));
    let [backend_port] = free_ports()?;
    let ca_file = folder.path().join("ca.pem");
    let mut backend = Backend::start(backend_port, certificates::renew(&ca_file)?, ledger.clone()).await?;
    let mut subject = Subject::start(folder.path(), backend_port, &ca_file, true).await?;
    let sender = Arc::new(Sender::new(subject.port(), subject.config()?, ledger.clone())?);
    let mut load = JoinSet::new();
    for (kind, share) in [(Kind::Metrics, 2), (Kind::Spans, 4), (Kind::Logs, 4)] {
        load.spawn(sender.clone().run(kind, args.rate / share));
    }
    let plan = Plan::new(Duration::from_secs_f64(args.minutes * 60.0));
    let mut watch = Watch::new(&ledger);
    follow(&plan, (&mut subject, &mut backend, &ca_file), &mut load, &mut watch).await?;
    load.shutdown().await;
    let load_ended = Instant::now();
    while !ledger.lock().is_settled() && load_ended.elapsed().as_secs_f64() < args.drain_minutes * 60.0 {
        watch.look(&mut subject)?;
        sleep(Duration::from_millis(200)).await;
    }
    let drained = load_ended.elapsed();
    let ended = subject.stop().await?;
    let unanswered = (sender.failed.load(Ordering::Relaxed), sender.left_out.load(Ordering::Relaxed));
    let table = watch.table(&plan, unanswered, drained, ended);
    let ledger = ledger.lock();
    anyhow::ensure!(ledger.faults.is_empty(), "{table}\nthe backend could not read: {:?}", ledger.faults);
    let [spans, logs, calls] = ledger.lost();
    anyhow::ensure!(
        ledger.is_settled(),
        "{table}\nlost although acknowledged: {spans} spans, {logs} log entries, the samples of {calls} calls\n{}",
        subject.log()
    );
    Ok(table)
}

/// Lets happen what the plan says, until its end.
async fn follow(
    plan: &Plan,
    (subject, backend, ca_file): (&mut Subject, &mut Backend, &Path),
    load: &mut JoinSet<anyhow::Result<()>>,
    watch: &mut Watch,
) -> anyhow::Result<()> {
    let start = Instant::now();
    for (at, event) in plan.events() {
        while start.elapsed() < at {
            watch.look(subject)?;
            if let Some(ended) = load.try_join_next() {
                ended?.context("the load ended")?;
            }
            sleep(Duration::from_millis(200)).await;
        }
        eprintln!("{:>5.0} s: {event}", start.elapsed().as_secs_f64());
        watch.event(event);
        match event {
            Event::BackendDown => backend.down().await,
            Event::BackendUp => backend.up().await?,
            Event::Kill => subject.kill_and_start().await?,
            Event::Certificate => backend.renew(certificates::renew(ca_file)?).await?,
            Event::Patience => backend.ask_for_patience(plan::PATIENCE_SECONDS),
            Event::End => {}
        }
    }
    Ok(())
}
