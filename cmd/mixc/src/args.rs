//! The flags: those of the original with its names and defaults, and a few more.

use clap::{ArgAction, Args, Parser, Subcommand};
use mixer_attribute::Duration;
use mixer_cli::{AttributeArgs, VersionArgs};

use mixer_identity::DialArgs;

/// Calls the API of a running Mixer.
///
/// Exits with 0 only when every call succeeded; a refused check is a successful call.
#[derive(Parser, Debug)]
#[command(name = "mixc", max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Invokes Mixer's Check API to perform precondition checks and quota allocations.
    Check(Box<CheckArgs>),
    /// Invokes Mixer's Report API to generate telemetry.
    Report(Box<CallArgs>),
    /// Prints out build version information.
    Version(VersionArgs),
}

/// Flags of `mixc check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) call: CallArgs,

    /// List of quotas to allocate specified as name1=amount1,name2=amount2,...
    #[arg(
        short,
        long,
        value_name = "LIST",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) quotas: String,

    /// Whether less than the amount asked for is of use.
    #[arg(long = "best_effort", value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_value_t = true, default_missing_value = "true", value_parser = go_bool)]
    pub(crate) best_effort: bool,

    /// Id by which Mixer recognises a repeated call, so that no quota is taken twice; by default each call of a
    /// worker has its own.
    #[arg(long = "deduplication_id", value_name = "ID")]
    pub(crate) deduplication_id: Option<String>,
}

/// Flags of both commands that call.
#[derive(Args, Debug)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    pub(crate) attributes: AttributeArgs,

    /// Address of a running Mixer instance: host:port, or unix:///path.
    #[arg(short, long, value_name = "ADDRESS", default_value = "localhost:9091")]
    pub(crate) mixer: String,

    /// Number of calls that each worker makes (for report: of bags that it sends) [default: 1, or without end when
    /// --duration is given].
    #[arg(short, long, value_name = "COUNT", allow_negative_numbers = true)]
    pub(crate) repeat: Option<i64>,

    /// Repeats for so long, such as 30s or 2m.
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub(crate) duration: Option<Duration>,

    /// Number of workers that call at the same time.
    #[arg(short, long, value_name = "COUNT", default_value_t = 1, allow_negative_numbers = true)]
    pub(crate) concurrency: i64,

    /// Maximum number of calls per second of all workers together; no limit when it is not positive.
    #[arg(long, value_name = "CALLS", default_value_t = -1, allow_negative_numbers = true)]
    pub(crate) rate: i64,

    /// Gives a call up after so long, such as 500ms.
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,

    /// Whether to print Mixer's response, useful when generating heavy load with mixc.
    #[arg(long = "print_response", value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_value_t = true, default_missing_value = "true", value_parser = go_bool)]
    pub(crate) print_response: bool,

    /// Maximum number of bags in one Report call.
    #[arg(
        long = "report_batch_size",
        value_name = "COUNT",
        default_value_t = 1,
        allow_negative_numbers = true
    )]
    pub(crate) report_batch_size: i64,

    /// Whether to send words of the global dictionary by their number, as proxies do.
    #[arg(long = "global_dictionary", value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_value_t = false, default_missing_value = "true", value_parser = go_bool)]
    pub(crate) global_dictionary: bool,

    #[command(flatten)]
    pub(crate) tls: DialArgs,

    #[command(flatten)]
    pub(crate) tracing: TracingArgs,
}

/// Flags of the original that have no effect here.
#[derive(Args, Debug)]
pub(crate) struct TracingArgs {
    /// Accepted for compatibility, without effect.
    #[arg(long = "trace_zipkin_url", value_name = "URL", hide_short_help = true)]
    trace_zipkin_url: Option<String>,

    /// Accepted for compatibility, without effect.
    #[arg(long = "trace_jaeger_url", value_name = "URL", hide_short_help = true)]
    trace_jaeger_url: Option<String>,

    /// Accepted for compatibility, without effect.
    #[arg(long = "trace_log_spans", value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", hide_short_help = true)]
    trace_log_spans: Option<String>,

    /// Accepted for compatibility, without effect.
    #[arg(long = "trace_sampling_rate", value_name = "RATE", hide_short_help = true)]
    trace_sampling_rate: Option<String>,
}

impl TracingArgs {
    /// The flags that were given.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let flags = [
            ("--trace_zipkin_url", &self.trace_zipkin_url),
            ("--trace_jaeger_url", &self.trace_jaeger_url),
            ("--trace_log_spans", &self.trace_log_spans),
            ("--trace_sampling_rate", &self.trace_sampling_rate),
        ];
        flags.into_iter().filter(|(_, value)| value.is_some()).map(|(flag, _)| flag).collect()
    }
}

fn go_bool(text: &str) -> Result<bool, mixer_cli::ValueError> {
    mixer_cli::parse_bool(text)
}
