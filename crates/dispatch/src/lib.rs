//! Finds the actions of a request and calls adapters.
