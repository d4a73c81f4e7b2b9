//! Resource kinds and the pure compile step from resources to a snapshot.
//!
//! [`parse_documents`] reads files, [`compile`] turns resources into a [`snapshot::Snapshot`] and a list of
//! everything that is wrong. Neither does I/O: a server, an offline check and a webhook say the same of the same
//! resources.

mod adapters;
mod authentication;
mod builtin;
mod compile;
mod expressions;
mod fields;
mod handlers;
mod instances;
mod kinds;
mod link;
mod nearest;
mod outputs;
mod problem;
mod read;
mod report;
mod resource;
mod rules;
pub mod snapshot;
mod spec;
mod taken;
mod templates;
mod vocabulary;

pub use builtin::Builtin;
pub use compile::{CompileOptions, Compiled, compile};
pub use kinds::{CORE as CORE_KINDS, KindClass, class_of};
pub use problem::{Location, Problem, ResourceId, Severity};
pub use read::{ReadOptions, parse_documents, read_object};
pub use resource::{API_GROUP, API_VERSION, RawResource};
pub use taken::LegacyKinds;
