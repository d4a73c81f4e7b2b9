//! Resource kinds and the pure compile step from resources to a snapshot.

mod nearest;
mod problem;
mod read;
mod resource;

pub use problem::{Location, Problem, ResourceId, Severity};
pub use read::{ReadOptions, parse_documents};
pub use resource::{API_GROUP, API_VERSION, RawResource};
