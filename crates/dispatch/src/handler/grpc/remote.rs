//! The adapter behind a handler: guarded exchanges with whichever of its addresses works.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use bytes::buf::Chain;
use http::uri::PathAndQuery;
use mixer_adapter_api::{Call, ErrorKind, HandlerError, QuotaCall, QuotaResult};
use mixer_config::snapshot::{GrpcConfig, HandlerConfig};
use mixer_identity::Refused;
use mixer_proto::adapter::v1beta1 as proto;
use mixer_rpc::raw;
use prost::Message;
use tokio::time::Instant;
use tonic::{Code, Request, Status};

use super::balance::Balancer;
use super::breaker::Breaker;
use super::connection::{ConnectFailed, Connector, Mute, Security};
use super::endpoint::Endpoint;
use super::frame::{self, Envelope};
use super::identity::{Identity, IdentityMetrics};
use super::target::Target;
use super::token::{Issued, Tokens};
use super::{Paths, Surroundings};

/// How often one call is tried at most: again only when nothing of it was done. Where an address is going away, the first
/// try may meet the end of its connection and the second one a closed port.
const MAX_TRIES: usize = 5;

/// A call that was given up after at least this long counts as a failure of the adapter; a caller in a greater
/// hurry says nothing about it.
pub(super) const SLOW: Duration = Duration::from_secs(1);

const SLOW_HINT: &str = "look at the adapter's load, or raise connection.timeout of the handler";

/// The adapter behind a handler.
#[derive(Debug)]
pub(crate) struct Remote {
    // Handler, adapter and address, for messages.
    who: String,
    security: Arc<Security>,
    balancer: Balancer,
    breaker: Breaker,
    paths: Paths,
    adapter_config: Vec<u8>,
    timeout: Duration,
    dedup: AtomicU64,
}

impl Remote {
    /// An adapter that is connected when it is first called.
    ///
    /// # Errors
    /// The address cannot be used.
    pub(crate) async fn build(
        config: &HandlerConfig,
        grpc: &GrpcConfig,
        paths: Paths,
        around: &Surroundings,
    ) -> Result<Self, String> {
        let target = Target::parse(&grpc.address).map_err(|error| error.to_string())?;
        let who = format!("handler {}: adapter {} at {}", config.spec.name, config.adapter, grpc.address);
        let counters = around.identity_counters.clone();
        let metrics = IdentityMetrics::new(who.clone(), config.spec.name.clone(), counters);
        let identity = match &grpc.authentication {
            None => None,
            Some(config) => Some(Identity::start(config, &target, &metrics, around.identity).await?),
        };
        let security = Arc::new(Security { identity, metrics });
        let connector = Connector::new(&target.authority(), security.clone())
            .map_err(|error| format!("connection.address {:?}: {error}", grpc.address))?;
        let balancer = Balancer::new(&target, connector, around.resolver.clone());
        let adapter_config = match &grpc.config_type_url {
            Some(url) if !grpc.session_based => frame::adapter_config(url, &config.spec.params),
            _ => Vec::new(),
        };
        Ok(Self {
            breaker: Breaker::new(who.clone(), around.timeout, around.openings.clone()),
            who,
            security,
            balancer,
            paths,
            adapter_config,
            timeout: around.timeout,
            dedup: AtomicU64::new(fastrand::u64(..)),
        })
    }

    /// The time of one call.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    fn next_dedup_id(&self) -> String {
        self.dedup.fetch_add(1, Ordering::Relaxed).to_string()
    }

    fn envelope<'a>(&'a self, dedup_id: &'a str) -> Envelope<'a> {
        Envelope { config: &self.adapter_config, dedup_id, quota: None }
    }

    /// One call with one instance.
    pub(super) async fn call_one(&self, call: &Call<'_>) -> Result<Bytes, HandlerError> {
        let message = self.envelope(&self.next_dedup_id()).around_one(&call.bytes);
        self.send(call.template, message, call.deadline).await
    }

    /// One call with the instances of reports, framed as repeated field 1.
    pub(super) async fn report(
        &self,
        template: &str,
        instances: &Bytes,
        deadline: Option<std::time::Instant>,
    ) -> Result<(), HandlerError> {
        let message = self.envelope(&self.next_dedup_id()).around_framed(instances);
        self.send(template, message, deadline).await.map(drop)
    }

    /// One guarded exchange.
    async fn send(
        &self,
        template: &str,
        message: frame::Message,
        deadline: Option<std::time::Instant>,
    ) -> Result<Bytes, HandlerError> {
        let path = self.paths.get(template).ok_or_else(|| HandlerError::unimplemented(template))?;
        let tokens = self.security.identity.as_ref().and_then(|identity| identity.tokens.as_ref());
        let token = match tokens {
            None => None,
            Some(tokens) => Some((tokens, tokens.get().await.map_err(|reason| self.unavailable(&reason))?)),
        };
        let attempt = self.breaker.admit().map_err(|pause| self.refused(pause))?;
        let mut sending = Sending { path, message, deadline, token };
        let mut result = self.exchange(&sending).await;
        if let Err(failure) = &result
            && failure.is_token_refused
            && let Some((tokens, refused)) = &mut sending.token
            && let Some(other) = tokens.instead_of(refused).await
        {
            // It was not let in, so nothing of it was done.
            *refused = other;
            result = self.exchange(&sending).await;
        }
        let result = result.map_err(|failure| failure.error);
        match result.as_ref().map_err(|error| error.kind) {
            Err(ErrorKind::Unavailable) => {
                self.balancer.failed();
                attempt.failed();
            }
            // How long it took decides whether that says something about the adapter.
            Err(ErrorKind::DeadlineExceeded) => drop(attempt),
            _ => attempt.succeeded(),
        }
        result
    }

    async fn exchange(&self, sending: &Sending<'_>) -> Result<Bytes, Failure> {
        self.balancer.ready().await.map_err(|reason| {
            self.unavailable(&format!("has no address: {reason}; check connection.address of the handler"))
        })?;
        let path = sending.path;
        let mut unreachable: Vec<Arc<Endpoint>> = Vec::new();
        let mut result = Err(Failure::from(self.unavailable("has no address")));
        for _ in 0..MAX_TRIES {
            let Some(endpoint) = self.balancer.pick(&unreachable) else { break };
            let mut call = endpoint.call();
            let answer = raw::unary_buf(&mut call.client, path.clone(), sending.request()).await;
            let status = match &answer {
                Err(status) => status,
                Ok(_) => {
                    call.succeeded();
                    let answer = answer.map(tonic::Response::into_inner);
                    return answer.map_err(|status| self.error(path, &status).into());
                }
            };
            let error = self.error(path, status);
            match error.kind {
                ErrorKind::Unavailable => call.failed(),
                ErrorKind::DeadlineExceeded => drop(call),
                _ => call.succeeded(),
            }
            let is_token_refused = status.code() == Code::Unauthenticated && status.source().is_none();
            result = Err(Failure { error, is_token_refused });
            if find_source::<ConnectFailed>(status).is_some() || find_source::<Mute>(status).is_some() {
                unreachable.push(endpoint);
            } else if !was_not_taken(status) {
                break;
            }
        }
        result
    }

    fn unavailable(&self, what: &str) -> HandlerError {
        HandlerError::new(ErrorKind::Unavailable, format!("{} {what}", self.who))
    }

    fn refused(&self, pause: Duration) -> HandlerError {
        let who = &self.who;
        let message = format!(
            "{who} failed repeatedly and is left alone for {} ms; look for its earlier errors in the log",
            pause.as_millis()
        );
        HandlerError::new(ErrorKind::BreakerOpen, message)
    }

    /// What the adapter answered instead of a result.
    fn error(&self, path: &PathAndQuery, status: &Status) -> HandlerError {
        let who = &self.who;
        if let Some(cause) = find_source::<ConnectFailed>(status) {
            if let Some(refused) = cause.0.downcast_ref::<Refused>() {
                return self
                    .unavailable(&format!("is not connected: {refused}; look at connection.authentication"));
            }
            return self.unavailable(&format!(
                "cannot be reached: {cause}; check that it runs and that connection.address is right"
            ));
        }
        if let Some(cause) = status.source() {
            // Not what the adapter said: the connection broke.
            if let Some(mute) = find_source::<Mute>(status) {
                let or = if mute.is_plaintext { ", or wants TLS (connection.authentication)" } else { "" };
                return self.unavailable(&format!(
                    "closed the connection without a word: {}; look whether it restarted{or}",
                    root(cause)
                ));
            }
            return self
                .unavailable(&format!("lost the connection: {}; look whether it restarted", root(cause)));
        }
        let (kind, hint) = match status.code() {
            Code::Unavailable => (ErrorKind::Unavailable, "look at the adapter's log"),
            Code::DeadlineExceeded => (ErrorKind::DeadlineExceeded, SLOW_HINT),
            Code::Unimplemented => {
                (ErrorKind::Unimplemented, "check the templates that the adapter resource lists")
            }
            Code::Unauthenticated => (
                ErrorKind::Failed,
                "check the token: connection.authentication of the handler, and what the adapter wants",
            ),
            Code::InvalidArgument => {
                (ErrorKind::InvalidArgument, "check the handler's params and the adapter's version")
            }
            _ => (ErrorKind::Failed, "look at the adapter's log"),
        };
        let message = format!("{who} answered {path} with {:?}: {}; {hint}", status.code(), status.message());
        HandlerError::new(kind, message)
    }

    /// The adapter answered with something else than the template says.
    pub(super) fn unreadable(&self, template: &str, error: &dyn fmt::Display) -> HandlerError {
        let who = &self.who;
        let message = format!(
            "{who} answered an instance of template {template} with a message that cannot be read: {error}; check that both sides use the same template"
        );
        HandlerError::new(ErrorKind::Failed, message)
    }

    /// One call for a quota.
    pub(super) async fn allocate(&self, quota: &QuotaCall<'_>) -> Result<QuotaResult, HandlerError> {
        let call = &quota.call;
        let params =
            proto::quota_request::QuotaParams { amount: quota.amount, best_effort: quota.best_effort };
        let request = proto::QuotaRequest { quotas: [(call.instance.to_owned(), params)].into() };
        let own;
        let dedup_id = match quota.dedup_id {
            "" => {
                own = self.next_dedup_id();
                &own
            }
            given => given,
        };
        let envelope = Envelope { quota: Some(request), ..self.envelope(dedup_id) };
        let answer = self.send(call.template, envelope.around_one(&call.bytes), call.deadline).await?;
        let mut answer =
            proto::QuotaResult::decode(answer).map_err(|error| self.unreadable(call.template, &error))?;
        answer.quotas.remove(call.instance).map(frame::quota_result).ok_or_else(|| {
            let granted: Vec<_> = answer.quotas.keys().map(String::as_str).collect();
            let message = format!(
                "{} did not answer for quota {:?} but for [{}]; look at the adapter's log",
                self.who,
                call.instance,
                granted.join(", ")
            );
            HandlerError::new(ErrorKind::Failed, message)
        })
    }
}

/// One call, however often it is tried.
struct Sending<'a> {
    path: &'a PathAndQuery,
    message: frame::Message,
    deadline: Option<std::time::Instant>,
    token: Option<(&'a Tokens, Issued)>,
}

impl Sending<'_> {
    /// Carries the rest of the caller's time, so that the adapter can stop when nobody waits.
    fn request(&self) -> Request<Chain<Bytes, Bytes>> {
        let mut request = Request::new(self.message.buf());
        if let Some(deadline) = self.deadline {
            request.set_timeout(deadline.saturating_duration_since(Instant::now().into_std()));
        }
        if let Some((tokens, token)) = &self.token {
            request.metadata_mut().insert(tokens.header.clone(), token.value.clone());
        }
        request
    }
}

/// Why an exchange failed.
struct Failure {
    error: HandlerError,
    /// Another token may help.
    is_token_refused: bool,
}

impl From<HandlerError> for Failure {
    fn from(error: HandlerError) -> Self {
        Self { error, is_token_refused: false }
    }
}

/// Whether the adapter certainly did nothing of the call: the connection was closing before it was sent, or the adapter
/// said so (RFC 9113, sections 6.8 and 8.7).
fn was_not_taken(status: &Status) -> bool {
    let refused = |error: &h2::Error| match error.reason() {
        Some(h2::Reason::REFUSED_STREAM) => true,
        // Told to calls alone that came after the last one that is answered.
        Some(h2::Reason::NO_ERROR) => error.is_go_away() && error.is_remote(),
        _ => false,
    };
    find_source(status).is_some_and(hyper::Error::is_canceled) || find_source(status).is_some_and(refused)
}

/// What is at the bottom of an error.
fn root<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

/// The error of this type that made the call fail.
fn find_source<E: Error + 'static>(status: &Status) -> Option<&E> {
    let mut source = status.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        source = error.source();
    }
    None
}
