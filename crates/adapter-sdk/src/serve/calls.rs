//! One call: from the bytes of a request to the bytes of the answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt as _;
use mixer_adapter_api::{Call, Handler, HandlerError, QuotaCall, ReportCall, ReportOutcome};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};

use super::dedup::{Dedup, Turn};
use super::handlers::{Handlers, Lease, NotBuilt};
use super::intake::Intake;
use super::metrics::{Metrics, TemplateMetrics};
use super::request::{HandleRequest, RawAny};
use super::throttle::Throttle;
use super::{response, timeout};
use crate::templates::{TemplateService, Variety};
use crate::wire::Malformed;

/// The type URL of a configuration that is the id of a session.
const SESSION_TYPE_URL: &str = "google.protobuf.Any.type_url";

/// A template's method, and what is counted of it.
pub(super) struct Method {
    service: TemplateService,
    metrics: TemplateMetrics,
    /// Whether calls that come again are answered as the first time.
    replays: bool,
}

/// Handles the calls of a process.
pub(super) struct Calls {
    handlers: Arc<Handlers>,
    metrics: Arc<Metrics>,
    intake: Arc<Intake>,
    dedup: Option<Dedup>,
    room: Semaphore,
    cut_off: CancellationToken,
    drop_log: Throttle,
}

impl Calls {
    pub(super) fn new(
        handlers: Arc<Handlers>,
        metrics: Arc<Metrics>,
        intake: Arc<Intake>,
        (dedup, max_concurrent): (Option<Dedup>, usize),
    ) -> Self {
        let room = Semaphore::new(max_concurrent.clamp(1, Semaphore::MAX_PERMITS));
        let drop_log = Throttle::new(Duration::from_secs(10));
        Self { handlers, metrics, intake, dedup, room, cut_off: CancellationToken::new(), drop_log }
    }

    pub(super) fn method(&self, service: TemplateService, replays: bool) -> Method {
        Method { service, metrics: self.metrics.of_template(service.template), replays }
    }

    /// Ends every running call, and each that still comes, with UNAVAILABLE.
    pub(super) fn cut_off(&self) {
        self.cut_off.cancel();
    }

    /// Answers a call of a template's method.
    pub(super) async fn handle(&self, method: &Method, request: Request<Bytes>) -> Result<Bytes, Status> {
        let mut call = Running::new(&self.metrics, method);
        let _held = self.intake.hold(request.get_ref().len());
        let answer = self.unless_cut_off(self.answer(method, &request, call.started)).await;
        call.code = answer.as_ref().err().map_or(tonic::Code::Ok, Status::code);
        answer
    }

    async fn unless_cut_off(
        &self,
        answer: impl Future<Output = Result<Bytes, Status>>,
    ) -> Result<Bytes, Status> {
        let stops = || Err(Status::unavailable("the adapter stops"));
        if self.cut_off.is_cancelled() {
            return stops();
        }
        // A call that does not have to wait does not queue for the signal either.
        tokio::select! {
            biased;
            answer = answer => answer,
            () = self.cut_off.cancelled() => stops(),
        }
    }

    async fn answer(
        &self,
        Method { service, metrics, replays }: &Method,
        request: &Request<Bytes>,
        started: Instant,
    ) -> Result<Bytes, Status> {
        let Ok(_permit) = self.room.try_acquire() else {
            return Err(Status::resource_exhausted(
                "the adapter handles as many calls as --maxConcurrentCalls allows",
            ));
        };
        let timeout = timeout::of_call(request.metadata().as_ref());
        let deadline = timeout.and_then(|timeout| started.checked_add(timeout));
        let mut message =
            HandleRequest::parse(request.get_ref()).map_err(|error| malformed(service, error))?;
        metrics.instances_came(message.instances().len());
        let lease = self.lease(message.adapter_config.take()).await?;
        let key = self.dedup.as_ref().filter(|_| *replays);
        let key = key.and_then(|dedup| Some((dedup, dedup.key(lease.id, service.service, &message)?)));
        let answer = isolate(service.method, self.dispatch(service, &*lease.handler, message, deadline));
        let Some((dedup, key)) = key else { return answer.await };
        match dedup.turn(key).await {
            Turn::First(first) => {
                let answer = answer.await?;
                first.answered(&answer);
                Ok(answer)
            }
            Turn::Again(answer) => {
                self.metrics.replayed.with_label_values(&[service.template]).inc();
                Ok(answer)
            }
        }
    }

    async fn lease(&self, config: Option<RawAny>) -> Result<Lease, Status> {
        let leased = match config {
            Some(RawAny { type_url, value }) if type_url == SESSION_TYPE_URL => {
                let id = String::from_utf8_lossy(&value);
                self.handlers.of_session(&id).await.ok_or_else(|| {
                    Status::not_found(format!(
                        "there is no session {id}; it was closed, or the adapter restarted"
                    ))
                })?
            }
            config => self.handlers.of_config(config).await,
        };
        leased.map_err(|error| match error {
            NotBuilt::Invalid(problems) => {
                Status::invalid_argument(format!("the handler's configuration is not valid: {problems}"))
            }
            NotBuilt::Failed(error) => {
                Status::unavailable(format!("the handler could not be built: {error}"))
            }
        })
    }

    async fn dispatch(
        &self,
        service: &TemplateService,
        handler: &dyn Handler,
        message: HandleRequest<'_>,
        deadline: Option<Instant>,
    ) -> Result<Bytes, Status> {
        let template = service.template;
        if service.variety == Variety::Report {
            return self.report(template, handler, message, deadline).await;
        }
        let (name, bytes) = message.instance().map_err(|error| malformed(service, error))?;
        let call = Call { template, instance: &name, bytes, deadline };
        let answer = match service.variety {
            Variety::Check | Variety::Report => handler.check(call).await.map(response::check),
            Variety::AttributeGenerator => handler.generate(call).await,
            Variety::CheckWithOutput => handler
                .check_with_output(call)
                .await
                .map(|(result, output)| response::check_with_output(result, &output)),
            Variety::Quota => quota(handler, &call, &message).await,
        };
        answer.map_err(response::failed)
    }

    async fn report(
        &self,
        template: &'static str,
        handler: &dyn Handler,
        message: HandleRequest<'_>,
        deadline: Option<Instant>,
    ) -> Result<Bytes, Status> {
        let (batch, malformed) = message.batch();
        let mut outcome =
            handler.report(ReportCall { template, batch, deadline }).await.map_err(response::failed)?;
        for error in malformed {
            outcome.drop_one(Malformed::REASON, || error.to_string());
        }
        self.count_dropped(template, &outcome);
        // ReportResult has no fields.
        Ok(Bytes::new())
    }

    fn count_dropped(&self, template: &str, outcome: &ReportOutcome) {
        for dropped in &outcome.dropped {
            self.metrics.instances_dropped(template, dropped.reason, dropped.count);
            if let Some(held_back) = self.drop_log.pass() {
                tracing::warn!(
                    template,
                    reason = dropped.reason,
                    count = dropped.count,
                    detail = dropped.detail,
                    similar_lines_held_back = held_back,
                    "instances were dropped"
                );
            }
        }
    }
}

/// Allocates what is wanted of each quota of the request; usually it is one.
async fn quota(
    handler: &dyn Handler,
    call: &Call<'_>,
    message: &HandleRequest<'_>,
) -> Result<Bytes, HandlerError> {
    if message.quotas.is_empty() {
        let text = "quota_request.quotas is empty: the call does not say how much is wanted";
        return Err(HandlerError::new(mixer_adapter_api::ErrorKind::InvalidArgument, text));
    }
    let mut results = Vec::with_capacity(message.quotas.len());
    for (name, params) in &message.quotas {
        let call = QuotaCall {
            call: call.clone(),
            amount: params.amount,
            best_effort: params.best_effort,
            dedup_id: message.dedup_id,
        };
        results.push((name.clone(), handler.quota(call).await?));
    }
    Ok(response::quota(results))
}

/// A panic of the adapter's code is this call's error and no more.
pub(super) async fn isolate(
    method: &str,
    answer: impl Future<Output = Result<Bytes, Status>>,
) -> Result<Bytes, Status> {
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(answer) => answer,
        Err(panic) => {
            let panic = panic_text(&*panic);
            tracing::error!(method, panic, "the adapter's code panicked");
            Err(Status::internal(format!("the adapter's code panicked: {panic}")))
        }
    }
}

fn malformed(service: &TemplateService, error: Malformed) -> Status {
    Status::invalid_argument(format!("the request is no {}Request: {error}", service.method))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

/// Counts a call: that it is being handled, and how it ended. One that is given up halfway ended too.
struct Running<'a> {
    metrics: &'a Metrics,
    method: &'a Method,
    started: Instant,
    code: tonic::Code,
}

impl<'a> Running<'a> {
    fn new(metrics: &'a Metrics, method: &'a Method) -> Self {
        metrics.calls_in_flight.inc();
        Self { metrics, method, started: Instant::now(), code: tonic::Code::Cancelled }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.metrics.calls_in_flight.dec();
        self.method.metrics.call_ended(self.code, self.started.elapsed());
    }
}
