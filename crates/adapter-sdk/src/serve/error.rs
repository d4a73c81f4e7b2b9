//! Why an adapter process cannot start, or did not end well.

use std::path::PathBuf;

use mixer_listen::BindError;

/// Why an adapter process cannot start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// `--logLevel` is no filter.
    #[error("--logLevel {filter:?} is no filter ({source}); write for example \"info\"")]
    LogLevel {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// No address of the gRPC server was given, and the program sets none by default.
    #[error("no --address is given")]
    NoAddress,
    /// A port cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The adapter takes a template that is not shipped and does not tell where it is called.
    #[error("template {0} is not shipped; the program has to tell at which path it is called")]
    UnknownTemplate(&'static str),
    /// A file of TLS cannot be used.
    #[error("TLS: {0}")]
    TlsFile(#[from] mixer_identity::FileError),
    /// Flags of TLS have no meaning together.
    #[error(transparent)]
    TlsFlags(#[from] mixer_identity::TlsArgsError),
    /// The token file cannot be used.
    #[error("the token file {} (--authTokenFile) cannot be used: {message}", file.display())]
    Token {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// What the adapter does before it serves has failed.
    #[error("{0}")]
    Start(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// `--spoolDirectory` cannot be used.
    #[cfg(feature = "delivery")]
    #[error("--spoolDirectory: {0}")]
    Spool(#[from] crate::delivery::spool::SpoolError),
    /// The output of --dryRun cannot be written.
    #[error("--dryRun cannot write to {}: {message}", file.display())]
    DryRun {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The handler's configuration for `manifest` cannot be read.
    #[error("--params {} cannot be read: {message}", file.display())]
    Params {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The self-test failed.
    #[error("the self-test failed: {0}")]
    SelfTest(String),
    /// The process could not be set up, or its output not be written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The descriptor of a template cannot be read.
    #[error("the descriptor of a template cannot be served by reflection: {0}")]
    Descriptor(#[from] tonic_reflection::server::Error),
    /// The process's own metrics cannot be registered.
    #[error("the metrics of the process cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The server's task panicked.
    #[error("the gRPC server ended in disorder: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// Calls were still running at the end of the grace period.
    #[error("calls were cut off at the end of the grace period; --shutdownGrace sets its length")]
    CutOff,
    /// Handlers had not sent everything at the end of the grace period.
    #[error("handlers were not closed within the grace period; --shutdownGrace sets its length")]
    NotClosed,
}
