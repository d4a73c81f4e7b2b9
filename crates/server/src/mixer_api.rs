//! The front door of the Mixer API: Check and Report, from message bytes to message bytes.

mod answer;
mod finished;
mod report;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::FutureExt as _;
use mixer_dispatch::{CheckError, QuotaRequest, RateLimitedLog, Stage};
use mixer_rpc::raw::RawMixer;
use mixer_wire::{BagError, WireError, parse_check, parse_report};
use prometheus::{IntCounterVec, Opts, Registry};
use tonic::{Request, Response, Status};

use self::finished::Finished;
use crate::front::Front;
use crate::grpc::deadline::deadline;
use crate::shedding::Overloaded;
use crate::status::Failure;

/// The service. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct MixerApi {
    front: Arc<Front>,
    unreadable: Unreadable,
}

/// Bags that cannot be read: counted by reason, logged at a bounded rate.
#[derive(Clone, Debug)]
struct Unreadable {
    bags: IntCounterVec,
    log: Arc<RateLimitedLog>,
}

impl Unreadable {
    fn note(&self, error: &BagError) {
        self.bags.with_label_values(&[error.reason()]).inc();
        if let Some(suppressed) = self.log.permit() {
            tracing::warn!(suppressed, "an attribute bag cannot be read and is left out: {error}");
        }
    }
}

impl MixerApi {
    /// The service over what the front doors share.
    ///
    /// # Errors
    /// A metric of the same name is registered already.
    pub(crate) fn new(front: Arc<Front>, registry: &Registry) -> prometheus::Result<Self> {
        let options = Opts::new(
            "mixer_api_unreadable_bags_total",
            "Attribute bags of checks and reports that could not be read, by reason.",
        );
        let bags = IntCounterVec::new(options, &["reason"])?;
        registry.register(Box::new(bags.clone()))?;
        Ok(Self { front, unreadable: Unreadable { bags, log: Arc::default() } })
    }

    fn overloaded(&self, error: Overloaded) -> Status {
        Failure::Overloaded.status(self.front.compat, error.to_string())
    }

    fn not_a_request(&self, error: &WireError) -> Status {
        let failure = match error {
            WireError::Malformed(_) => Failure::Malformed,
            WireError::InconsistentDictionary { .. } => Failure::NewerDictionary,
        };
        failure.status(self.front.compat, error.to_string())
    }

    fn no_answer(&self, error: &CheckError) -> Status {
        let compat = self.front.compat;
        let text = if compat {
            let errors: Vec<_> = error.failures.iter().map(|(_, error)| error).collect();
            report::list_of_errors(&errors)
        } else {
            error.to_string()
        };
        match error.stage {
            Stage::Preprocess => {
                Failure::Preprocess.status(compat, format!("preprocessing attributes failed: {text}"))
            }
            Stage::Check => {
                Failure::Check.status(compat, format!("performing check operation failed: {text}"))
            }
        }
    }
}

impl RawMixer for MixerApi {
    async fn check(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
        let _ticket = self.front.throttler.admit(1).map_err(|error| self.overloaded(error))?;
        let deadline = deadline(request.metadata().as_ref(), Instant::now());
        let request = parse_check(request.get_ref()).map_err(|error| self.not_a_request(&error))?;
        let (runtime, codec) = self.front.current();
        let mut bag = codec.check_bag(&request).map_err(|error| {
            self.unreadable.note(&error);
            Failure::Malformed.status(self.front.compat, error.to_string())
        })?;
        let quotas: Vec<_> = request
            .quotas
            .iter()
            .map(|(name, wanted)| QuotaRequest {
                name,
                amount: wanted.amount,
                best_effort: wanted.best_effort,
            })
            .collect();
        let checked = runtime.check(&mut bag, &quotas, &request.deduplication_id, deadline).await;
        let outcome = checked.map_err(|error| self.no_answer(&error))?;
        Ok(Response::new(answer::encode(outcome, &codec, &bag, request.global_word_count)))
    }

    async fn report(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
        let deadline = deadline(request.metadata().as_ref(), Instant::now());
        let request = parse_report(request.get_ref()).map_err(|error| self.not_a_request(&error))?;
        let ticket =
            self.front.throttler.admit(request.bags.len()).map_err(|error| self.overloaded(error))?;
        if request.bags.is_empty() {
            return Ok(Response::new(Bytes::new()));
        }
        let work = report::Work {
            front: self.front.clone(),
            unreadable: self.unreadable.clone(),
            request,
            deadline,
        };
        let done = AssertUnwindSafe(async move {
            let done = work.run().await;
            drop(ticket);
            done
        });
        let done = Finished::new(self.front.reports.clone(), done.catch_unwind()).await;
        match done {
            Ok(done) => done.map(|()| Response::new(Bytes::new())),
            Err(_) => {
                tracing::error!("a report ended in a panic, which the log names; this is a defect");
                Err(Failure::Defect
                    .status(self.front.compat, "the report could not be dispatched; see the log of mixs"))
            }
        }
    }
}
