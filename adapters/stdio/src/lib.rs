//! The stdio adapter.
