//! Every sample dashboard loads, and asks only for metrics that the shipped configuration defines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod datadog;
mod defined;
mod examples;
mod graphite;
mod kind;
mod monitoring;
mod nrql;
mod promql;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use defined::Defined;
use kind::Kind;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().parent().unwrap().to_owned()
}

/// Looks a dashboard over: the names of metrics that it asks for, or what is wrong with it.
fn look(dashboard: &Json, defined: &Defined) -> Result<Vec<String>, Vec<String>> {
    let kind = Kind::of(dashboard).map_err(|problem| vec![problem])?;
    let mut problems = kind.problems(dashboard);
    let mut names = Vec::new();
    let queries = kind.queries(dashboard);
    if queries.is_empty() {
        problems.push("it has no query".to_owned());
    }
    for (language, query) in queries {
        match language.names(&query) {
            Err(problem) => problems.push(format!("{query}: {problem}")),
            Ok(found) => {
                for name in found {
                    if !defined.has(language, &name) {
                        problems.push(format!("{query}: {name} is not defined; {defined}"));
                    }
                    names.push(name);
                }
            }
        }
    }
    if problems.is_empty() { Ok(names) } else { Err(problems) }
}

fn read(path: &Path) -> Json {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn check(path: &Path, defined: &Defined) {
    match look(&read(path), defined) {
        Ok(names) => assert!(!names.is_empty(), "{} asks for no metric", path.display()),
        Err(problems) => panic!("{}:\n{}", path.display(), problems.join("\n")),
    }
}

#[test]
fn dashboards_of_adapters_ask_for_what_their_configuration_defines() {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("adapters")).unwrap() {
        let folder = entry.unwrap().path();
        let path = folder.join("dashboard.json");
        if path.is_file() {
            let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
            check(&path, &Defined::by_adapter(&root(), &name));
            found.push(name);
        }
    }
    assert!(found.contains(&"prometheus".to_owned()), "{found:?}");
}

#[test]
fn the_dashboard_of_the_server_asks_for_documented_metrics() {
    let folder = root().join("deploy/dashboards");
    for entry in fs::read_dir(folder).unwrap() {
        check(&entry.unwrap().path(), &Defined::by_manual(&root()));
    }
}

#[test]
fn documented_metrics_are_in_the_code() {
    let mut sources = String::new();
    let mut folders = vec![root().join("crates"), root().join("adapters"), root().join("cmd")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let names = Defined::by_manual(&root());
    for name in names.plain() {
        assert!(
            sources.contains(&format!("\"{name}\"")),
            "{name} is in docs/operations.md, but nowhere in the code"
        );
    }
}

#[test]
fn examples_of_every_kind_are_understood() {
    for (what, dashboard, example, names) in examples::good() {
        let defined = Defined::by_example(what, example);
        let found = look(&dashboard, &defined).unwrap_or_else(|problems| panic!("{what}: {problems:#?}"));
        assert_eq!(found, names, "{what}");
    }
}

#[test]
fn what_is_wrong_is_found() {
    for (what, dashboard, example, expected) in examples::bad() {
        let problems = look(&dashboard, &Defined::by_example(what, example)).expect_err(what);
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{what}: {problems:#?}");
    }
}
