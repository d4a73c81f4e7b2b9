//! Adapters as their authors write them: a checked configuration, a handler with one trait for each variety of
//! template, and nothing about servers.
//!
//! [`TypedAdapter`] names the parts; [`hosted`] makes an [`Adapter`] of them, which `mixs` can host and
//! [`Process`](crate::Process) can serve.

mod handle;
mod set;
pub mod template;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use mixer_adapter_api::{
    Adapter, AdapterInfo, BuildError, Call, CheckResult, FieldProblem, Handler, HandlerError, HandlerSpec,
    QuotaCall, QuotaResult, ReportCall, ReportOutcome,
};

use crate::params;

pub use handle::{
    DropReason, HandleCheck, HandleCheckWithOutput, HandleGenerate, HandleQuota, HandleReport, Refused,
    TypedCall, TypedInstance, TypedQuota, TypedReport,
};
pub use set::{Route, TemplateSet};
pub use template::Template;

/// A configuration that was checked, and how it comes about. `()` is the configuration of an adapter that has none.
pub trait Config: Sized + Send {
    /// The message as operators write it: `Params`.
    type Params: prost::Message + Default;
    /// Full name of that message, such as `adapter.list.config.Params`.
    const MESSAGE: &'static str;
    /// An encoded `FileDescriptorSet` with that message.
    const DESCRIPTOR: &'static [u8];

    /// Checks a configuration against itself and the instances that the handler will get; their list is empty when
    /// the caller does not tell them. Pure, no I/O, and every problem at once: see [`params::Problems`].
    ///
    /// # Errors
    ///
    /// Every field that is wrong.
    fn check(params: Self::Params, spec: &HandlerSpec) -> Result<Self, Vec<FieldProblem>>;
}

impl Config for () {
    type Params = ();
    const MESSAGE: &'static str = "";
    const DESCRIPTOR: &'static [u8] = &[];

    fn check((): (), _: &HandlerSpec) -> Result<Self, Vec<FieldProblem>> {
        Ok(())
    }
}

/// An adapter. One value of it lives as long as the process: state that must survive an edit of a handler is kept in
/// it, keyed by what it means.
pub trait TypedAdapter: Send + Sync + 'static {
    /// The checked configuration of a handler.
    type Config: Config;
    /// What handles the instances, one for each configuration.
    type Handler: Send + Sync + 'static;
    /// The templates whose instances it takes, as a tuple such as `(Metric, LogEntry)` or `(ListEntry,)`.
    type Templates: TemplateSet<Self::Handler>;

    /// The name that handlers use.
    const NAME: &'static str;
    /// Other names for the same adapter.
    const ALIASES: &'static [&'static str] = &[];
    /// One sentence for lists and help texts.
    const DESCRIPTION: &'static str;

    /// Makes a handler. It runs in a task of its own, once for each configuration; calls wait for it.
    fn build(
        &self,
        config: Self::Config,
        spec: HandlerSpec,
    ) -> impl Future<Output = Result<Self::Handler, BuildError>> + Send;

    /// Sends what a handler has buffered and lets go of everything; no call follows.
    fn close(_handler: &Self::Handler) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Asks a handler's backend whether it would take what is sent, for `--selfTest`.
    fn self_test(_handler: &Self::Handler) -> impl Future<Output = Result<(), HandlerError>> + Send {
        std::future::ready(Ok(()))
    }
}

/// The adapter for the registry of `mixs`, and for a process of its own.
pub fn hosted<A: TypedAdapter>(adapter: A) -> Arc<dyn Adapter> {
    Arc::new(Typed::new(adapter))
}

/// A [`TypedAdapter`] behind the trait that servers know.
pub struct Typed<A> {
    adapter: A,
    info: AdapterInfo,
}

impl<A: TypedAdapter> Typed<A> {
    /// Wraps an adapter.
    pub fn new(adapter: A) -> Self {
        let info = AdapterInfo {
            name: A::NAME,
            aliases: A::ALIASES,
            description: A::DESCRIPTION,
            templates: A::Templates::NAMES,
            config_descriptor: A::Config::DESCRIPTOR,
            config_message: A::Config::MESSAGE,
        };
        Self { adapter, info }
    }

    /// What it wraps.
    pub fn get(&self) -> &A {
        &self.adapter
    }

    fn config(spec: &HandlerSpec) -> Result<A::Config, Vec<FieldProblem>> {
        let params = params::decode(&spec.params).map_err(|problem| vec![problem])?;
        A::Config::check(params, spec)
    }
}

impl<A> fmt::Debug for Typed<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Typed").field(&self.info.name).finish()
    }
}

impl<A: TypedAdapter> Adapter for Typed<A> {
    fn info(&self) -> &AdapterInfo {
        &self.info
    }

    fn validate(&self, spec: &HandlerSpec) -> Vec<FieldProblem> {
        Self::config(spec).err().unwrap_or_default()
    }

    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        Box::pin(async move {
            let config = Self::config(&spec).map_err(params::not_valid)?;
            let handler = self.adapter.build(config, spec).await?;
            Ok(Arc::new(TypedHandler::<A> { handler, adapter: PhantomData }) as Arc<dyn Handler>)
        })
    }
}

/// A handler of a [`TypedAdapter`] behind the trait that servers know.
struct TypedHandler<A: TypedAdapter> {
    handler: A::Handler,
    adapter: PhantomData<fn() -> A>,
}

impl<A: TypedAdapter> Handler for TypedHandler<A> {
    fn check<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<CheckResult, HandlerError>> {
        A::Templates::check(&self.handler, call)
    }

    fn report<'a>(&'a self, call: ReportCall<'a>) -> BoxFuture<'a, Result<ReportOutcome, HandlerError>> {
        A::Templates::report(&self.handler, call)
    }

    fn quota<'a>(&'a self, call: QuotaCall<'a>) -> BoxFuture<'a, Result<QuotaResult, HandlerError>> {
        A::Templates::quota(&self.handler, call)
    }

    fn generate<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Bytes, HandlerError>> {
        A::Templates::generate(&self.handler, call)
    }

    fn check_with_output<'a>(
        &'a self,
        call: Call<'a>,
    ) -> BoxFuture<'a, Result<(CheckResult, Bytes), HandlerError>> {
        A::Templates::check_with_output(&self.handler, call)
    }

    fn self_test(&self) -> BoxFuture<'_, Result<(), HandlerError>> {
        Box::pin(A::self_test(&self.handler))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(A::close(&self.handler))
    }
}
