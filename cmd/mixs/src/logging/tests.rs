//! Scopes of the original decide which lines are written.

use tracing::Level as Line;

use super::*;

/// Whether a line of this target and level is written, and what the operator is told about the flag.
fn check(levels: &str, lines: &[(&str, Line, bool)], warned: &[&str]) {
    let mut warnings = Vec::new();
    let targets = filter(&levels.parse().unwrap(), &mut warnings);
    for (target, level, written) in lines {
        assert_eq!(targets.would_enable(target, level), *written, "{levels}: {target} {level}");
    }
    assert_eq!(warnings.len(), warned.len(), "{warnings:?}");
    assert!(warnings.iter().zip(warned).all(|(warning, word)| warning.contains(word)), "{warnings:?}");
}

#[test]
fn the_default_is_info() {
    check("default:info", &[("mixs", Line::INFO, true), ("mixs", Line::DEBUG, false)], &[]);
    check("", &[("h2", Line::INFO, true), ("h2", Line::DEBUG, false)], &[]);
}

#[test]
fn scopes_are_parts_of_the_server() {
    check(
        "default:none,loadshedding:warn,grpcAdapter:debug,mcp:info",
        &[
            ("mixer_server::app", Line::ERROR, false),
            ("loadshedding", Line::WARN, true),
            ("loadshedding", Line::INFO, false),
            ("mixer_dispatch::handler::grpc", Line::DEBUG, true),
            ("mixer_dispatch::engine", Line::ERROR, false),
        ],
        &[],
    );
    check("api:error", &[("mixer_server::mixer_api", Line::WARN, false), ("mixs", Line::INFO, true)], &[]);
}

#[test]
fn a_scope_that_is_not_there_is_said() {
    check("default:warn,pilot:debug", &[("mixs", Line::INFO, false)], &["pilot"]);
}
