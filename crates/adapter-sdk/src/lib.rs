//! What an adapter author depends on: typed handlers, gRPC serving, metrics.
