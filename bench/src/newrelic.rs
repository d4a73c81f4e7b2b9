//! The New Relic adapter as a process of its own, calls of it, and a backend that counts what arrives.

pub(crate) mod backend;
pub(crate) mod certificates;
pub(crate) mod ledger;
pub(crate) mod messages;
pub(crate) mod subject;
