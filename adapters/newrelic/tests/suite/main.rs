//! What the adapter does, one file for each behaviour.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod certificates_are_rotated;
mod changes_are_counted;
mod configuration;
mod every_kind_of_value_becomes_a_number_or_a_reason;
mod example;
mod limits_of_new_relic_are_kept;
mod log_entries_become_logs_and_events;
mod metrics;
mod nothing_arrives;
mod official_client_sends_the_same;
mod otlp_carries_the_same;
mod program;
mod proxies_are_used;
mod self_test;
mod sigterm_loses_nothing;
mod span_ids_are_rewritten_pairwise;
mod spans;
mod support;
mod the_backend_is_down_for_long;
mod the_fake_is_strict;
mod two_keys_are_kept_apart;
