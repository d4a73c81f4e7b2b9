//! A handler that is a process of its own, called over gRPC.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use mixer_adapter_api::{
    BoxFuture, Call, CheckResult, Handler, HandlerError, QuotaCall, QuotaResult, ReportCall, ReportOutcome,
};
use mixer_config::snapshot::{GrpcConfig, HandlerConfig};
use mixer_proto::adapter::v1beta1 as proto;
use mixer_template::split_check_output;
use prost::Message;
use tokio::runtime::Handle;

use self::gather::{Carrier, Gather};
pub(crate) use self::identity::IdentityOptions;
use self::local::PerRuntime;
use self::remote::Remote;
pub use self::resolve::{Resolve, SystemResolver};
use crate::metrics::IdentityCounters;

mod backoff;
mod balance;
mod breaker;
mod connection;
mod endpoint;
mod frame;
mod gather;
mod identity;
mod local;
mod remote;
mod resolve;
mod target;
mod token;

/// What a handler needs besides its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    /// Looks names up.
    pub(crate) resolver: Arc<dyn Resolve>,
    /// Time of one call.
    pub(crate) timeout: Duration,
    /// Counts how often the breaker opened.
    pub(crate) openings: prometheus::IntCounter,
    /// Counts what becomes of certificates, tokens and handshakes.
    pub(crate) identity_counters: IdentityCounters,
    /// How identity is established.
    pub(crate) identity: IdentityOptions,
}

/// The call paths of the templates whose instances a handler gets, by template name.
pub(crate) type Paths = HashMap<Arc<str>, PathAndQuery>;

/// A running gRPC handler.
#[derive(Debug)]
pub(crate) struct GrpcHandler {
    remote: Arc<Remote>,
    /// By template.
    reports: HashMap<Arc<str>, PerRuntime<Arc<Gather<Reports>>>>,
}

/// Reports of one template.
#[derive(Debug)]
struct Reports {
    remote: Arc<Remote>,
    template: Arc<str>,
}

impl Carrier for Reports {
    async fn carry(
        &self,
        instances: Bytes,
        deadline: Option<std::time::Instant>,
    ) -> Result<(), HandlerError> {
        self.remote.report(&self.template, &instances, deadline).await
    }

    fn timeout(&self) -> Duration {
        self.remote.timeout()
    }
}

impl GrpcHandler {
    /// A handler that connects when it is first called.
    ///
    /// # Errors
    /// The address cannot be used, or there should be certificates and are none.
    pub(crate) async fn build(
        config: &HandlerConfig,
        grpc: &GrpcConfig,
        paths: Paths,
        around: &Surroundings,
    ) -> Result<Self, String> {
        let templates: Vec<Arc<str>> = paths.keys().cloned().collect();
        let remote = Arc::new(Remote::build(config, grpc, paths, around).await?);
        let reports = templates.into_iter().map(|template| (template, PerRuntime::default())).collect();
        Ok(Self { remote, reports })
    }

    fn gather(&self, template: &str) -> Arc<Gather<Reports>> {
        Gather::new(Reports { remote: self.remote.clone(), template: template.into() }, Handle::current())
    }
}

impl Handler for GrpcHandler {
    fn check<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<CheckResult, HandlerError>> {
        Box::pin(async move {
            let answer = self.remote.call_one(&call).await?;
            let result = proto::CheckResult::decode(answer);
            result.map(frame::check_result).map_err(|error| self.remote.unreadable(call.template, &error))
        })
    }

    fn report<'a>(&'a self, call: ReportCall<'a>) -> BoxFuture<'a, Result<ReportOutcome, HandlerError>> {
        Box::pin(async move {
            let reports =
                self.reports.get(call.template).ok_or_else(|| HandlerError::unimplemented(call.template))?;
            let reports = reports.get_or_make(|| self.gather(call.template));
            reports.report(call.batch.framed().clone(), call.deadline).await?;
            Ok(ReportOutcome::complete())
        })
    }

    fn quota<'a>(&'a self, call: QuotaCall<'a>) -> BoxFuture<'a, Result<QuotaResult, HandlerError>> {
        Box::pin(async move { self.remote.allocate(&call).await })
    }

    fn generate<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Bytes, HandlerError>> {
        Box::pin(async move { self.remote.call_one(&call).await })
    }

    fn check_with_output<'a>(
        &'a self,
        call: Call<'a>,
    ) -> BoxFuture<'a, Result<(CheckResult, Bytes), HandlerError>> {
        Box::pin(async move {
            let answer = self.remote.call_one(&call).await?;
            let unreadable = |error: &dyn fmt::Display| self.remote.unreadable(call.template, error);
            let (result, output) = split_check_output(&answer).map_err(|error| unreadable(&error))?;
            let result = proto::CheckResult::decode(&*result).map_err(|error| unreadable(&error))?;
            let output = match output {
                Cow::Borrowed(bytes) => answer.slice_ref(bytes),
                Cow::Owned(bytes) => bytes.into(),
            };
            Ok((frame::check_result(result), output))
        })
    }
}
