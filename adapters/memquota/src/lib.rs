//! The memquota adapter.
