//! The logging flags, which every command has.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

/// `--log_*`, as written.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logging")]
pub(crate) struct LogFlags {
    /// One JSON object a line instead of text.
    #[arg(long = "log_as_json", global = true, default_value = "false", default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub(crate) log_as_json: bool,
    /// Scopes whose lines say from which source line they come; any scope means all.
    #[arg(long = "log_caller", global = true, default_value = "", value_name = "SCOPES")]
    pub(crate) log_caller: String,
    /// Least level by scope: scope:level,…; scopes are default, adapters, api, attributes, grpcAdapter and
    /// loadshedding, levels debug, info, warn, error, fatal and none.
    #[arg(long = "log_output_level", global = true, default_value = "default:info", value_name = "LEVELS")]
    pub(crate) log_output_level: ScopeLevels,
    /// Without effect: there are no stack traces in the log.
    #[arg(long = "log_stacktrace_level", global = true, value_name = "LEVELS")]
    pub(crate) log_stacktrace_level: Option<String>,
    /// Where the log goes: stderr, stdout or a path; may be given several times. (The original's default is stdout,
    /// which here belongs to the stdio adapter.)
    #[arg(long = "log_target", global = true, default_value = "stderr", value_name = "TARGET")]
    pub(crate) log_target: Vec<LogTarget>,
    /// One more path that the log goes to. Rotation is left to the tools of the platform.
    #[arg(long = "log_rotate", global = true, value_name = "PATH")]
    pub(crate) log_rotate: Option<PathBuf>,
    /// Without effect; see --log_rotate.
    #[arg(long = "log_rotate_max_age", global = true, value_name = "DAYS")]
    pub(crate) log_rotate_max_age: Option<u64>,
    /// Without effect; see --log_rotate.
    #[arg(long = "log_rotate_max_backups", global = true, value_name = "N")]
    pub(crate) log_rotate_max_backups: Option<u64>,
    /// Without effect; see --log_rotate.
    #[arg(long = "log_rotate_max_size", global = true, value_name = "MB")]
    pub(crate) log_rotate_max_size: Option<u64>,
}

impl LogFlags {
    /// The flags that were given and mean nothing, as written.
    pub(crate) fn ignored(&self) -> Vec<&'static str> {
        let flags = [
            (self.log_stacktrace_level.is_some(), "--log_stacktrace_level"),
            (self.log_rotate_max_age.is_some(), "--log_rotate_max_age"),
            (self.log_rotate_max_backups.is_some(), "--log_rotate_max_backups"),
            (self.log_rotate_max_size.is_some(), "--log_rotate_max_size"),
        ];
        flags.into_iter().filter(|(given, _)| *given).map(|(_, name)| name).collect()
    }
}

/// Where the log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogTarget {
    Stderr,
    Stdout,
    File(PathBuf),
}

impl FromStr for LogTarget {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "stderr" => Self::Stderr,
            "stdout" => Self::Stdout,
            path => Self::File(path.into()),
        })
    }
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    None,
    Error,
    Warn,
    Info,
    Debug,
}

/// `scope:level,…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScopeLevels(pub(crate) Vec<(String, Level)>);

impl FromStr for ScopeLevels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(entry).collect::<Result<_, _>>().map(Self)
    }
}

/// `scope:level`; a level alone is that of the scope `default`.
fn entry(text: &str) -> Result<(String, Level), String> {
    let (scope, level) = text.split_once(':').unwrap_or(("default", text));
    let level = match level {
        "none" => Level::None,
        // Nothing here is worse than an error.
        "error" | "fatal" => Level::Error,
        "warn" => Level::Warn,
        "info" => Level::Info,
        "debug" => Level::Debug,
        _ => return Err(format!("{level:?} is no level; use debug, info, warn, error, fatal or none")),
    };
    Ok((scope.to_owned(), level))
}
