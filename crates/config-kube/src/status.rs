//! What the server says of each object, in the object: conditions that answer why something is not in force.

mod assess;
mod events;
mod lease;
mod write;

use std::sync::Arc;

use mixer_config::Problem;
use mixer_config::snapshot::Snapshot;
use serde::{Deserialize, Serialize};

pub(crate) use assess::parts;
pub use write::{StatusOptions, StatusTasks, StatusWriter};

/// A condition, as `metav1.Condition` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Condition {
    /// What it is about, such as `Accepted`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// `True`, `False` or `Unknown`.
    pub(crate) status: String,
    /// One word.
    #[serde(default)]
    pub(crate) reason: String,
    /// One sentence.
    #[serde(default)]
    pub(crate) message: String,
    /// When the status last became another.
    #[serde(default)]
    pub(crate) last_transition_time: String,
    /// Which state of the specification this is about.
    #[serde(default)]
    pub(crate) observed_generation: i64,
}

/// The resource itself is sound.
pub(crate) const ACCEPTED: &str = "Accepted";
/// Everything that it refers to is there and sound.
pub(crate) const RESOLVED: &str = "Resolved";
/// It takes effect on requests.
pub(crate) const PROGRAMMED: &str = "Programmed";

/// What is in force, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct InForce {
    /// What requests meet.
    pub snapshot: Arc<Snapshot>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
    /// Handlers that could not be built.
    pub failures: Vec<HandlerFailure>,
}

/// A handler that could not be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerFailure {
    /// Its display name.
    pub handler: Arc<str>,
    /// What keeps it from serving.
    pub reason: String,
    /// Whether an earlier version of it serves on.
    pub earlier_serves: bool,
}
