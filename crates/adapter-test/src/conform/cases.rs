//! What each case does, by subject.

pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod connections;
pub(crate) mod instances;
pub(crate) mod known;
pub(crate) mod quota;
pub(crate) mod report;
pub(crate) mod security;
pub(crate) mod sessions;
pub(crate) mod wire;
