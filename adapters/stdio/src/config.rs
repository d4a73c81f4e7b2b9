//! Where lines go, in which form, and which of them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use mixer_adapter_sdk::params::Problems;
use mixer_adapter_sdk::{FieldProblem, HandlerSpec};

use crate::generated::Params;
pub(crate) use crate::generated::params::Level;
use crate::generated::params::Stream;

const DEFAULT_MEGABYTES: i32 = 100;
const DEFAULT_DAYS: i32 = 30;
const DEFAULT_FILES: i32 = 1000;

const MEGABYTE: u64 = 1024 * 1024;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The words for the levels, unless the configuration brings its own.
const SEVERITIES: &[(&str, Level)] = &[
    ("INFORMATIONAL", Level::Info),
    ("informational", Level::Info),
    ("INFO", Level::Info),
    ("info", Level::Info),
    ("WARNING", Level::Warning),
    ("warning", Level::Warning),
    ("WARN", Level::Warning),
    ("warn", Level::Warning),
    ("ERROR", Level::Error),
    ("error", Level::Error),
    ("ERR", Level::Error),
    ("err", Level::Error),
    ("FATAL", Level::Error),
    ("fatal", Level::Error),
];

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) output: Output,
    pub(crate) form: Form,
    pub(crate) levels: Levels,
}

/// Where lines are written.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) target: Target,
    /// For a file that is set aside when it is full or old.
    pub(crate) rotation: Option<Rotation>,
}

/// What lines are written to; lines for equal targets go through one writer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    Stdout,
    Stderr,
    File(PathBuf),
}

/// When a file is set aside, and which of those that were set aside are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rotation {
    pub(crate) max_bytes: u64,
    /// None for any age.
    pub(crate) max_age: Option<Duration>,
    /// How many are kept; none for all.
    pub(crate) max_files: Option<usize>,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Text,
}

/// How severe lines are, and which are written.
#[derive(Debug)]
pub(crate) struct Levels {
    severities: HashMap<String, Level>,
    pub(crate) metric: Level,
    /// Lines below this level are not written.
    pub(crate) least: Level,
}

impl Levels {
    /// The level of a severity; INFO when nobody said anything about it.
    pub(crate) fn of_severity(&self, severity: &str) -> Level {
        self.severities.get(severity).copied().unwrap_or(Level::Info)
    }
}

impl mixer_adapter_sdk::Config for Config {
    type Params = Params;
    const MESSAGE: &'static str = "adapter.stdio.config.Params";
    const DESCRIPTOR: &'static [u8] = include_bytes!("config.desc");

    fn check(params: Params, _: &HandlerSpec) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::new();
        let stream = Stream::try_from(params.log_stream).unwrap_or_else(|_| {
            problems.add("log_stream", format!("{} is not a stream", params.log_stream));
            Stream::Stdout
        });
        let levels = Levels {
            severities: severities(&params, &mut problems),
            metric: level("metric_level", params.metric_level, &mut problems),
            least: level("output_level", params.output_level, &mut problems),
        };
        let form = if params.output_as_json.unwrap_or(true) { Form::Json } else { Form::Text };
        let target = target(stream, &params.output_path, &mut problems);
        let rotation = rotation(&params, &mut problems);
        let rotation = (stream == Stream::RotatedFile).then_some(rotation);
        problems.unless_any(Self { output: Output { target, rotation }, form, levels })
    }
}

fn severities(params: &Params, problems: &mut Problems) -> HashMap<String, Level> {
    if params.severity_levels.is_empty() {
        return SEVERITIES.iter().map(|(word, level)| ((*word).to_owned(), *level)).collect();
    }
    let given = params.severity_levels.iter();
    given
        .map(|(word, number)| (word.clone(), level(&format!("severity_levels[{word}]"), *number, problems)))
        .collect()
}

fn level(field: &str, number: i32, problems: &mut Problems) -> Level {
    Level::try_from(number).unwrap_or_else(|_| {
        problems.add(field, format!("{number} is not a level"));
        Level::Info
    })
}

fn target(stream: Stream, path: &str, problems: &mut Problems) -> Target {
    match stream {
        Stream::Stdout | Stream::Stderr => {
            if !path.is_empty() {
                let stream = stream.as_str_name();
                problems.add(
                    "output_path",
                    format!(
                        "must be empty when `log_stream` is {stream}; for a file choose FILE or ROTATED_FILE"
                    ),
                );
            }
            if stream == Stream::Stdout { Target::Stdout } else { Target::Stderr }
        }
        Stream::File | Stream::RotatedFile => {
            let file = PathBuf::from(path);
            if path.is_empty() {
                problems
                    .add("output_path", format!("is needed when `log_stream` is {}", stream.as_str_name()));
            } else if path.contains('\0') {
                problems.add("output_path", format!("{path:?} is not a path"));
            } else if path.ends_with('/') || file.file_name().is_none() {
                problems.add("output_path", format!("{path:?} is a directory; name a file in it"));
            }
            Target::File(file)
        }
    }
}

fn rotation(params: &Params, problems: &mut Problems) -> Rotation {
    let mut number =
        |field, number, least, default: i32| problems.at_least(field, number, least, default).unsigned_abs();
    let megabytes =
        number("max_megabytes_before_rotation", params.max_megabytes_before_rotation, 1, DEFAULT_MEGABYTES);
    let days = number("max_days_before_rotation", params.max_days_before_rotation, 0, DEFAULT_DAYS);
    let files = number("max_rotated_files", params.max_rotated_files, 0, DEFAULT_FILES);
    Rotation {
        max_bytes: u64::from(megabytes) * MEGABYTE,
        max_age: (days > 0).then(|| DAY * days),
        max_files: (files > 0).then_some(files as usize),
    }
}
