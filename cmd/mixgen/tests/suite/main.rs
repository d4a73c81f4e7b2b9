//! The program as build scripts call it. One module for each command, one for the manual, one for the shipped
//! templates.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod adapter;
mod api;
mod check;
mod doc;
mod manual;
mod new;
mod program;
mod shipped;
mod template;
mod usage;
mod walkthrough;
