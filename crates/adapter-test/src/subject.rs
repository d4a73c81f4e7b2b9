//! The adapter under test, and how it is reached: hosted, served in this process, a program, or an address.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use mixer_adapter_sdk::{Adapter, ServeArgs, ServeError, Server};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::Program;
use crate::error::TestError;

/// What a scenario runs against.
#[derive(Clone)]
pub struct Subject {
    pub(crate) reach: Reach,
    pub(crate) observer: Option<Observer>,
    pub(crate) replacements: Vec<(String, String)>,
}

/// Tells what the adapter's side of the world looks like.
type Observer = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// How the adapter is reached.
#[derive(Clone)]
pub(crate) enum Reach {
    Hosted(Arc<dyn Adapter>),
    Served(Arc<dyn Adapter>),
    Program(Program),
    Address(String),
}

impl Subject {
    /// An adapter hosted by the engine, as `mixs` hosts it.
    pub fn hosted(adapter: Arc<dyn Adapter>) -> Self {
        Self::new(Reach::Hosted(adapter))
    }

    /// The same adapter behind the gRPC server of the SDK, in this process and on a free port. Its handlers get
    /// the `adapter` resource and the `connection` by themselves, so that a scenario written for the hosted one
    /// runs unchanged.
    pub fn served(adapter: Arc<dyn Adapter>) -> Self {
        Self::new(Reach::Served(adapter))
    }

    /// A program that serves gRPC. The configuration brings the `adapter` resource (see `include`); a handler
    /// without `connection` gets the program's address, and `${ADDRESS}` is replaced by it everywhere.
    pub fn program(program: Program) -> Self {
        Self::new(Reach::Program(program))
    }

    /// An adapter that runs already, at `host:port` or `unix:///path`; configuration as for [`Self::program`].
    pub fn at(address: impl Into<String>) -> Self {
        Self::new(Reach::Address(address.into()))
    }

    fn new(reach: Reach) -> Self {
        Self { reach, observer: None, replacements: Vec::new() }
    }

    /// Says what the adapter did: what its fake backend got, what its port shows, what its file holds. The text
    /// becomes part of what is compared, so it must not change from run to run.
    #[must_use]
    pub fn observe<F, A>(mut self, observer: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = String> + Send + 'static,
    {
        self.observer = Some(Arc::new(move || Box::pin(observer())));
        self
    }

    /// Replaces `${name}` in the configuration by a value, and the value by `${name}` in what is compared: a
    /// temporary folder, a port.
    #[must_use]
    pub fn replace(mut self, name: &str, value: impl Into<String>) -> Self {
        self.replacements.push((format!("${{{name}}}"), value.into()));
        self
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.reach {
            Reach::Hosted(_) => "hosted adapter",
            Reach::Served(_) => "adapter served by the SDK",
            Reach::Program(_) => "adapter program",
            Reach::Address(_) => "adapter at an address",
        })
    }
}

/// An adapter behind the SDK's server, until it is dropped.
pub(crate) struct Served {
    pub(crate) address: String,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ServeError>>,
}

impl Served {
    pub(crate) async fn start(adapter: Arc<dyn Adapter>) -> Result<Self, TestError> {
        let args =
            ServeArgs { drain_delay: std::time::Duration::ZERO, no_monitoring: true, ..ServeArgs::default() };
        let cannot = |error: &dyn fmt::Display| TestError::Start(format!("the SDK's server: {error}"));
        let server = Server::bind(adapter, args).await.map_err(|error| cannot(&error))?;
        let address = server.address().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(server.run(async move {
            // A sender that is gone says the same.
            let _ = stopped.await;
        }));
        Ok(Self { address, stop, ended })
    }

    /// Lets it drain and close its handlers.
    pub(crate) async fn stop(self) -> Result<(), String> {
        drop(self.stop);
        self.ended.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}
