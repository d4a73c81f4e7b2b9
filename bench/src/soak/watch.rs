//! Looks at the adapter while it works, and makes the table of what was seen.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::plan::{Event, Plan};
use crate::newrelic::ledger::Shared;
use crate::newrelic::subject::Subject;
use crate::usage;

/// What was seen between two events.
#[derive(Clone, Debug, Default)]
struct Phase {
    /// Since which event.
    since: Option<Event>,
    /// The most resident memory, in MiB.
    memory: f64,
    /// The most on disk, in bytes.
    spool: u64,
    /// Acknowledged and delivered data points at its end.
    acknowledged: u64,
    delivered: u64,
}

/// The watcher.
pub(super) struct Watch {
    ledger: Arc<Shared>,
    phases: Vec<Phase>,
    pid: u32,
    /// CPU of the process that runs, and of those before it.
    cpu: Duration,
    cpu_before: Duration,
}

impl Watch {
    /// Begins with the load.
    pub(super) fn new(ledger: &Arc<Shared>) -> Self {
        let zero = Duration::ZERO;
        Self { ledger: ledger.clone(), phases: vec![Phase::default()], pid: 0, cpu: zero, cpu_before: zero }
    }

    /// A phase begins.
    pub(super) fn event(&mut self, event: Event) {
        self.phases.push(Phase { since: Some(event), ..Phase::default() });
    }

    /// Takes the present state.
    ///
    /// # Errors
    /// The adapter has ended.
    pub(super) fn look(&mut self, subject: &mut Subject) -> anyhow::Result<()> {
        let pid = subject.pid()?;
        if pid != self.pid {
            self.pid = pid;
            self.cpu_before += self.cpu;
        }
        self.cpu = usage::cpu(pid)?;
        let (memory, spool) = (usage::resident_mib(pid)?, subject.spool_bytes());
        let ledger = self.ledger.lock();
        if let Some(phase) = self.phases.last_mut() {
            phase.memory = phase.memory.max(memory);
            phase.spool = phase.spool.max(spool);
            (phase.acknowledged, phase.delivered) = ledger.points();
        }
        Ok(())
    }

    /// The table.
    pub(super) fn table(
        &self,
        plan: &Plan,
        (failed, left_out): (u64, u64),
        drained: Duration,
        exit: Option<i32>,
    ) -> String {
        let mut text = format!(
            "{:<55} {:>14} {:>14} {:>10} {:>10}\n",
            "phase, from", "acknowledged", "delivered", "RSS MiB", "spool MiB"
        );
        for phase in &self.phases {
            let since = phase.since.map_or_else(|| "the load begins".to_owned(), |event| event.to_string());
            // Writing to a text does not fail; so below.
            let _ = writeln!(
                text,
                "{since:<55} {:>14} {:>14} {:>10.1} {:>10.1}",
                phase.acknowledged,
                phase.delivered,
                phase.memory,
                phase.spool as f64 / f64::from(1 << 20)
            );
        }
        let ledger = self.ledger.lock();
        let [spans, logs, calls] = ledger.lost();
        let (acknowledged, _) = ledger.points();
        let cpu = (self.cpu_before + self.cpu).as_secs_f64();
        for (what, value) in [
            (
                "acknowledged spans, log entries, calls with samples that are lost",
                format!("{spans}, {logs}, {calls}"),
            ),
            ("requests that the backend took", ledger.requests().to_string()),
            ("requests that came again under their id", ledger.duplicates.to_string()),
            (
                "spans and log entries that came under another id again",
                (ledger.spans.repeated + ledger.logs.repeated).to_string(),
            ),
            ("samples that came under another id again", format!("{:.0}", ledger.too_many)),
            ("answers with 429", ledger.refused.to_string()),
            ("calls that failed, calls that were left out", format!("{failed}, {left_out}")),
            ("acknowledged a second", format!("{:.0}", acknowledged as f64 / plan.length.as_secs_f64())),
            (
                "CPU of the adapter for a data point",
                format!("{:.1} µs", cpu * 1e6 / acknowledged.max(1) as f64),
            ),
            ("after the load until everything had arrived", format!("{:.1} s", drained.as_secs_f64())),
            ("exit code after SIGTERM", exit.map_or_else(|| "a signal".to_owned(), |code| code.to_string())),
        ] {
            let _ = writeln!(text, "{what:<70} {value}");
        }
        text
    }
}
