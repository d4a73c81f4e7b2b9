//! The noop adapter.
