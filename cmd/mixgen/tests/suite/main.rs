//! The program as build scripts call it. One module for each command, one for the manual, one for the walkthrough, one for
//! the shipped templates.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod adapter;
mod api;
mod check;
mod conform;
mod deploy;
mod doc;
mod manual;
mod new;
mod new_adapter;
mod program;
mod shipped;
mod template;
mod usage;
mod walkthrough;
