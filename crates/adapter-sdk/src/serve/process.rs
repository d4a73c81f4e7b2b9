//! A whole adapter process: flags, logs, server, and what else its program can do.

use std::error::Error;
use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args as _, FromArgMatches as _};
use futures::future::BoxFuture;
use mixer_adapter_api::Adapter;

use super::args::ServeArgs;
use super::error::ServeError;
use super::manifest::{self, ManifestArgs};
use super::server::{Server, stop_signal};
use super::{init_logs, self_test};
use crate::templates::{self, TemplateService};
use crate::typed::{TemplateSet, Typed, TypedAdapter};

/// The flags and sub-commands of an adapter's program. A program with flags of its own puts them beside:
/// `#[command(flatten)] adapter: AdapterArgs`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AdapterArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would take the place of the program's help text")]
    pub serve: ServeArgs,

    #[command(subcommand)]
    #[allow(missing_docs, reason = "a doc comment here would take the place of the program's help text")]
    pub command: Option<AdapterCommand>,
}

/// What an adapter's program does beside serving.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum AdapterCommand {
    /// Prints the resources that switch the adapter on: the `adapter` with the descriptor of its configuration, its own
    /// templates, and an example of a handler, instances and a rule.
    Manifest(ManifestArgs),
}

type Start = Box<dyn FnOnce() -> BoxFuture<'static, Result<(), Box<dyn Error + Send + Sync>>> + Send>;

/// An adapter as a process: the `main` of its program.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use mixer_adapter_sdk::{Adapter, Process};
/// fn program(adapter: Arc<dyn Adapter>) -> std::process::ExitCode {
///     Process::new(adapter).version(env!("CARGO_PKG_VERSION")).default_port(9080).main()
/// }
/// ```
pub struct Process {
    pub(super) adapter: Arc<dyn Adapter>,
    /// Templates that are not shipped.
    pub(super) own: Vec<TemplateService>,
    /// Templates whose calls are not recognized when they come again.
    pub(super) not_replayed: Vec<&'static str>,
    pub(super) port: Option<u16>,
    pub(super) example: manifest::Example,
    version: &'static str,
    start: Option<Start>,
}

impl Process {
    /// A process of an adapter that takes shipped templates.
    pub fn new(adapter: Arc<dyn Adapter>) -> Self {
        Self {
            adapter,
            own: Vec::new(),
            not_replayed: Vec::new(),
            port: None,
            example: manifest::Example::default(),
            version: env!("CARGO_PKG_VERSION"),
            start: None,
        }
    }

    /// A process of an adapter with templates of its own, which its types tell.
    pub fn typed<A: TypedAdapter>(adapter: A) -> Self {
        let services = <A::Templates as TemplateSet<A::Handler>>::SERVICES.iter();
        let own = services.filter(|service| templates::shipped(service.template) != Some(service));
        let own = own.copied().collect();
        Self { own, ..Self::new(Arc::new(Typed::new(adapter))) }
    }

    /// Tells where a template that is not shipped is called.
    #[must_use]
    pub fn template(mut self, service: TemplateService) -> Self {
        self.own.push(service);
        self
    }

    /// The version of the program: `env!("CARGO_PKG_VERSION")`.
    #[must_use]
    pub fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// The port of gRPC when no `--address` is given; the port of metrics and probes is 100 above.
    #[must_use]
    pub fn default_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The `params` of the handler that `manifest` prints, as YAML without indentation. In it `{{metric}}` stands for
    /// the full name of the example's instance of template `metric`, and so on.
    #[must_use]
    pub fn example_params(mut self, yaml: &'static str) -> Self {
        self.example.params = yaml;
        self
    }

    /// The `params` of the instance of a template that `manifest` prints, as YAML without indentation. Shipped
    /// templates have an example.
    #[must_use]
    pub fn example_instance(mut self, template: &'static str, yaml: &'static str) -> Self {
        self.example.instances.push((template, yaml));
        self
    }

    /// The adapter.
    pub fn adapter(&self) -> &Arc<dyn Adapter> {
        &self.adapter
    }

    /// The resources that switch the adapter on, as YAML documents: what the sub-command `manifest` prints.
    ///
    /// # Errors
    ///
    /// The adapter names a template that is not shipped and was not told of.
    pub fn manifest(&self, args: &ManifestArgs) -> Result<String, ServeError> {
        manifest::print(self, args)
    }

    /// Never answers a call of this template as an earlier one with the same `dedup_id`: the adapter does so itself,
    /// or every call counts.
    #[must_use]
    pub fn without_replay(mut self, template: &'static str) -> Self {
        self.not_replayed.push(template);
        self
    }

    /// Runs this before the port is served; an error ends the process. Neither `manifest` nor `--selfTest` runs it.
    #[must_use]
    pub fn on_start<F, R, E>(mut self, start: F) -> Self
    where
        F: FnOnce() -> R + Send + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.start = Some(Box::new(move || {
            let starting = start();
            Box::pin(async move { starting.await.map_err(Into::into) })
        }));
        self
    }

    /// The whole `main` of a program without flags of its own: reads the flags, does what they say, and tells on
    /// standard error what went wrong.
    pub fn main(self) -> ExitCode {
        let matches = self.command().get_matches();
        match AdapterArgs::from_arg_matches(&matches) {
            Ok(args) => self.main_with(args),
            Err(error) => error.exit(),
        }
    }

    fn command(&self) -> clap::Command {
        let info = self.adapter.info();
        let command = clap::Command::new("adapter")
            .display_name(format!("mixer-{}-adapter", info.name))
            .version(self.version)
            .max_term_width(110);
        // The flags bring a text of their own, which is for authors.
        AdapterArgs::augment_args(command)
            .about(info.description.trim_end_matches('.').to_owned())
            .long_about(None)
    }

    /// [`Process::main`] of a program that has read its flags.
    pub fn main_with(self, args: AdapterArgs) -> ExitCode {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let ran = match runtime {
            Ok(runtime) => runtime.block_on(self.run(args)),
            Err(error) => Err(error.into()),
        };
        match ran {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // Where else could it be told?
                let _ = writeln!(std::io::stderr(), "error: {error}");
                ExitCode::FAILURE
            }
        }
    }

    /// Does what the flags say, on the current runtime: serves until SIGTERM or SIGINT and drains then, tests a
    /// configuration, or prints the manifest.
    ///
    /// # Errors
    ///
    /// An address cannot be bound, the server fails, something was still busy at the end of the grace period, or the
    /// self-test did not pass.
    pub async fn run(mut self, args: AdapterArgs) -> Result<(), ServeError> {
        let mut serve = args.serve;
        if let Some(AdapterCommand::Manifest(args)) = args.command {
            let text = self.manifest(&args)?;
            return Ok(std::io::stdout().write_all(text.as_bytes())?);
        }
        if let Some(port) = self.port {
            serve = serve.with_default_port(port);
        }
        init_logs(&serve.log_level, serve.log_format)?;
        if serve.self_test {
            return self_test::run(self.adapter, serve.params.as_deref()).await;
        }
        let stop = stop_signal();
        if let Some(start) = self.start.take() {
            start().await.map_err(ServeError::Start)?;
        }
        let server = Server::of(self, serve).await?;
        server.run(stop).await
    }

    /// Where each template is called.
    pub(super) fn services(&self) -> Result<Vec<TemplateService>, ServeError> {
        let find = |name: &&'static str| {
            let own = self.own.iter().find(|service| service.template == *name);
            own.or_else(|| templates::shipped(name)).copied().ok_or(ServeError::UnknownTemplate(name))
        };
        self.adapter.info().templates.iter().map(find).collect()
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("adapter", &self.adapter.info().name).finish_non_exhaustive()
    }
}
