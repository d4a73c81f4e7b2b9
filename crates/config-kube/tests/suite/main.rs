//! The Kubernetes source against an API server that plays a script, and against a real one where there is one.

mod cluster;
mod definitions;
mod kinds;
mod leases;
mod lists;
mod malformed;
mod outages;
mod same_as_files;
mod statuses;
mod watches;
mod webhooks;
mod world;
