//! The conformance suite: what anyone's adapter has to do with what Mixer sends, seen by the protocol and, where there
//! is one, through an observation channel.

mod cases;
mod catalogue;
mod client;
mod frame;
mod observe;
mod offer;
mod report;
mod sample;
mod security;
mod suite;
mod target;

use std::sync::atomic::Ordering;
use std::time::Duration;

pub use self::catalogue::{Case, UnknownCase, cases, select};
pub use self::observe::Observe;
pub use self::report::{CaseResult, Needs, Report, Verdict};
pub use self::security::{TlsFiles, TokenHeader};
pub use self::target::{Target, TargetError};

use self::catalogue::{CASES, Scope};
use self::observe::Channel;
use self::suite::{Outcome, Stop, Suite};

/// Settings of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Full name of the instances that are sent; `params` that name instances have to name this one.
    pub instance: String,
    /// The longest that an ordinary call may take.
    pub patience: Duration,
    /// The deadline that the case about deadlines gives.
    pub deadline: Duration,
    /// How much later than that an answer may come.
    pub slack: Duration,
    /// How long an adapter that is gone may take to come back.
    pub restart: Duration,
    /// How long the observation channel may lag behind.
    pub look: Duration,
    /// Instances of the large batch.
    pub large: usize,
    /// Calls at the same time, and connections one after the other.
    pub calls: usize,
    /// The cases that are run, by their ids ([`select`]); every one when there is none.
    pub only: Vec<&'static str>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            instance: "conform.instance.conform".to_owned(),
            patience: Duration::from_secs(10),
            deadline: Duration::from_millis(300),
            slack: Duration::from_millis(700),
            restart: Duration::from_secs(2),
            look: Duration::from_secs(2),
            large: 10_000,
            calls: 64,
            only: Vec::new(),
        }
    }
}

/// Runs every case against an adapter. Cases run one after the other; when the adapter is gone after one, that one has
/// failed and of the others nothing is claimed.
pub async fn run(target: Target, observe: &Observe, options: Options) -> Report {
    let address = target.address.clone();
    let only = options.only.clone();
    let mut suite = Suite::new(target, Channel::open(observe), options);
    let hint = match suite.way.tls {
        None => "; it was spoken to in plaintext: for TLS the suite needs the authorities of its certificate",
        Some(_) => "",
    };
    let mut gone =
        suite.is_alive().await.err().map(|error| format!("no gRPC answer at {address}: {error}{hint}"));
    if gone.is_none() {
        offer::find(&mut suite).await;
    }
    let mut results = Vec::new();
    if let Some(error) = &gone {
        results.push(offer::unreachable(error));
    }
    for case in CASES.iter().filter(|case| only.is_empty() || only.contains(&case.id)) {
        for template in suite.places_of(case) {
            let outcome = match &gone {
                Some(since) => Err(Stop::Skip(since.clone())),
                None => suite.run(case, template).await,
            };
            let verdict = match outcome {
                Ok(()) => Verdict::Pass,
                Err(Stop::Skip(why)) => Verdict::Skipped(why),
                Err(Stop::Fail(why)) => Verdict::Fail(why),
            };
            let result = CaseResult {
                id: case.id,
                template: template.map(|index| suite.template_name(index)),
                sentence: case.sentence,
                needs: case.needs,
                observed: suite.observed.swap(false, Ordering::Relaxed),
                verdict,
            };
            if gone.is_none()
                && let Some(died) = suite.after(&result).await
            {
                gone = Some(format!("the adapter is gone since {}", result.key()));
                results.push(CaseResult { verdict: died, ..result });
                continue;
            }
            results.push(result);
        }
    }
    Report::new(address, results)
}

impl Suite {
    /// Where a case runs: once, or for each service, by index.
    fn places_of(&self, case: &Case) -> Vec<Option<usize>> {
        match case.scope {
            Scope::Adapter(_) => vec![None],
            Scope::Service(variety, _) => {
                let fits = |index: &usize| {
                    let service = self.services.get(*index);
                    service.is_some_and(|service| variety.is_none_or(|variety| variety(service.variety())))
                };
                (0..self.services.len()).filter(fits).map(Some).collect()
            }
        }
    }

    fn template_name(&self, index: usize) -> String {
        self.services.get(index).map_or_else(String::new, |service| service.name().to_string())
    }

    async fn run(&self, case: &Case, template: Option<usize>) -> Outcome {
        match (&case.scope, template.and_then(|index| self.services.get(index))) {
            (Scope::Adapter(run), _) => run(self).await,
            (Scope::Service(_, run), Some(service)) => run(self, service).await,
            (Scope::Service(..), None) => Ok(()),
        }
    }

    /// What became of the adapter: the verdict of the case when it is gone.
    async fn after(&self, result: &CaseResult) -> Option<Verdict> {
        if matches!(result.verdict, Verdict::Fail(_)) {
            self.forget_connection().await;
        }
        let error = self.is_alive().await.err()?;
        let earlier = match &result.verdict {
            Verdict::Fail(why) => format!("{why}; "),
            _ => String::new(),
        };
        Some(Verdict::Fail(format!("{earlier}afterwards the adapter is gone: {error}")))
    }
}
