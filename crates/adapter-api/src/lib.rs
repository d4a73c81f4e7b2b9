//! The handler trait through which the server sees every adapter.
