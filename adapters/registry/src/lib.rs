//! The one visible list of adapters that the server hosts.
