//! One workload: ours and what it is compared with, measured in turn, so that whatever else the machine does hits
//! all sides alike.

use std::path::PathBuf;
use std::time::Duration;

use crate::deployment::Deployment;
use crate::load::{Load, Sample};
use crate::outcome::Row;
use crate::relay;
use crate::statistics::Spread;

/// Connections, caches and allocators are warm after this.
const WARM_UP: Duration = Duration::from_millis(500);

/// One side of a comparison.
pub(crate) struct Subject {
    source: Source,
    /// Held so that the servers live as long as they are measured.
    deployment: Option<Deployment>,
}

enum Source {
    Calls { load: Load, pids: Vec<u32> },
    Relay { program: PathBuf, args: relay::Args },
}

impl Subject {
    /// Calls, and the CPU of the processes that they keep busy.
    pub(crate) fn calls(load: Load, pids: Vec<u32>) -> Self {
        Self { source: Source::Calls { load, pids }, deployment: None }
    }

    /// A relay.
    pub(crate) fn relay(program: PathBuf, args: relay::Args) -> Self {
        Self { source: Source::Relay { program, args }, deployment: None }
    }

    /// The same, called by this deployment.
    pub(crate) fn of(mut self, deployment: Deployment) -> Self {
        self.deployment = Some(deployment);
        self
    }

    async fn warm_up(&self) -> anyhow::Result<()> {
        match &self.source {
            Source::Calls { load, .. } => load.run_for(WARM_UP).await,
            Source::Relay { .. } => Ok(()),
        }
    }

    async fn measure(&self, time: Duration) -> anyhow::Result<Sample> {
        match &self.source {
            Source::Calls { load, pids } => load.measure(time, pids).await,
            Source::Relay { program, args } => args.start(program, time).await,
        }
    }

    /// Whether the servers still run and have counted what was sent.
    async fn verify(&mut self, counts: bool) -> anyhow::Result<()> {
        if let (Source::Calls { load, .. }, Some(deployment)) = (&self.source, &mut self.deployment) {
            deployment.pids()?;
            if counts {
                deployment.counted().await?.expect(load.bags())?;
            }
        }
        Ok(())
    }
}

/// A workload with all its sides.
pub(crate) struct Comparison {
    /// Name of the workload.
    pub(crate) name: String,
    /// What `references` together are.
    pub(crate) reference: String,
    /// What ours is compared with: the sum of what each needs for a bag.
    pub(crate) references: Vec<Subject>,
    /// Ours.
    pub(crate) ours: Subject,
    /// The original, for information.
    pub(crate) original: Option<Subject>,
    /// The most that ours may cost, in references.
    pub(crate) target: Option<f64>,
    /// Whether every bag must be found in the Prometheus adapter.
    pub(crate) counts: bool,
}

impl Comparison {
    /// Measures.
    ///
    /// # Errors
    /// A call failed or was answered wrongly, or not all bags were counted.
    pub(crate) async fn run(mut self, rounds: u32, time: Duration) -> anyhow::Result<Row> {
        for subject in self.references.iter().chain([&self.ours]).chain(&self.original) {
            subject.warm_up().await?;
        }
        let mut measured = Vec::new();
        for _ in 0..rounds {
            let mut references = Vec::new();
            for reference in &self.references {
                references.push(reference.measure(time).await?);
            }
            let ours = self.ours.measure(time).await?;
            let original = match &self.original {
                Some(original) => Some(original.measure(time).await?),
                None => None,
            };
            for subject in [&mut self.ours].into_iter().chain(&mut self.original) {
                subject.verify(self.counts).await?;
            }
            measured.push(Round { references, ours, original });
        }
        Ok(self.row(&measured))
    }

    fn row(self, rounds: &[Round]) -> Row {
        let original: Vec<f64> =
            rounds.iter().filter_map(|round| Some(round.original.as_ref()?.cpu_per_bag())).collect();
        Row {
            workload: self.name,
            reference_name: self.reference,
            ours: Spread::of(rounds.iter().map(|round| round.ours.cpu_per_bag())),
            ours_by_process: by_process(rounds),
            reference: Spread::of(rounds.iter().map(Round::reference)),
            ratio: Spread::of(rounds.iter().map(Round::ratio)),
            target: self.target,
            calls_per_second: Spread::of(rounds.iter().map(|round| round.ours.calls_per_second())).median,
            original: (!original.is_empty()).then(|| Spread::of(original)),
        }
    }
}

fn by_process(rounds: &[Round]) -> Vec<Spread> {
    let processes = rounds.iter().map(|round| round.ours.cpu.len()).max().unwrap_or(0);
    let of = |process| Spread::of(rounds.iter().map(|round| round.ours.cpu_per_bag_of(process)));
    (0..processes).map(of).collect()
}

/// One turn of all sides.
struct Round {
    references: Vec<Sample>,
    ours: Sample,
    original: Option<Sample>,
}

impl Round {
    fn reference(&self) -> f64 {
        self.references.iter().map(Sample::cpu_per_bag).sum()
    }

    fn ratio(&self) -> f64 {
        // A reference below one tick of the kernel's clock cannot be compared with.
        if self.reference() > 0.0 { self.ours.cpu_per_bag() / self.reference() } else { f64::NAN }
    }
}
