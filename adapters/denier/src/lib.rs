//! The denier adapter.
