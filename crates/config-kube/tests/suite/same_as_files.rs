//! The same objects, from files and from a cluster, are the same snapshot and the same problems.

use std::path::Path;

use mixer_config::{CORE_KINDS, CompileOptions, Compiled, ReadOptions, compile, parse_documents};
use serde_json::Value;

use crate::world::{ROOT, World, adapters};

/// Everything that is compiled, without the places, which are lines in one and objects in the other.
fn told(compiled: &Compiled) -> (String, Vec<String>) {
    let problems = compiled.problems.iter().filter(|problem| problem.resource.is_some()).map(|problem| {
        let resource = problem.resource.as_ref().unwrap();
        format!(
            "{}: {resource}: {}: {} {:?}",
            problem.severity,
            problem.field,
            without_places(&problem.message),
            problem.expression
        )
    });
    let mut problems: Vec<String> = problems.collect();
    problems.sort();
    problems.dedup();
    let mixer_config::snapshot::Snapshot {
        vocabulary,
        default_namespace,
        compat,
        handlers,
        instances,
        conditions,
        rules,
        counts,
    } = &*compiled.snapshot;
    let attributes = vocabulary.attributes();
    let what = (default_namespace, compat, handlers, instances, conditions, rules, counts);
    (format!("{attributes:#?} {what:#?}"), problems)
}

/// A message may name the place of another resource in brackets.
fn without_places(message: &str) -> String {
    let mut parts = message.split(" (");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let is_place =
            |inner: &str| !inner.contains(' ') && (inner.contains(".yaml:") || inner.contains('/'));
        match part.split_once(')') {
            Some((inner, rest)) if is_place(inner) => text + rest,
            _ => text + " (" + part,
        }
    })
}

async fn check(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    // `y` and `on` are text for the server.
    let mut options = serde_saphyr::Options::default();
    options.strict_booleans = true;
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(&text, options).unwrap_or_default();
    let is_object = |document: &&Value| {
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let is_complete = !text("/metadata/name").is_empty() && !text("/metadata/namespace").is_empty();
        is_complete
            && CORE_KINDS.contains(&text("/kind"))
            && text("/apiVersion") == "config.istio.io/v1alpha2"
    };
    let world = World::sim().await;
    let mut keys = std::collections::BTreeSet::new();
    for document in documents.iter().filter(is_object) {
        let metadata = &document["metadata"];
        let (kind, namespace) = (document["kind"].as_str().unwrap(), metadata["namespace"].as_str().unwrap());
        let path = format!("{ROOT}/namespaces/{namespace}/{kind}s/{}", metadata["name"].as_str().unwrap());
        world.play().put(&path, document.clone());
        keys.insert(format!("{}.{kind}.{namespace}", metadata["name"].as_str().unwrap()));
    }
    if keys.is_empty() {
        return false;
    }
    let mut follower = world.follow();
    let whole = |update: &mixer_config_kube::Update| {
        update.content.as_ref().is_some_and(|content| content.resources.len() == keys.len())
    };
    let content = follower.until(&name, whole).await.content.clone().unwrap();
    assert_eq!(content.problems, [], "{name}");
    // The last of two with the same name is what a cluster has.
    let (mut resources, _) = parse_documents(&name, &text, &ReadOptions::default());
    resources.retain(|resource| keys.contains(&resource.id.key()));
    resources.reverse();
    let mut seen = std::collections::BTreeSet::new();
    resources.retain(|resource| seen.insert(resource.id.key()));
    for compat in [false, true] {
        let options = CompileOptions { compat, ..CompileOptions::default() };
        let files = told(&compile(&resources, &adapters(), &options));
        let cluster = told(&compile(&content.resources, &adapters(), &options));
        assert_eq!(files.1, cluster.1, "{name}");
        let differs = files.0.lines().zip(cluster.0.lines()).find(|(a, b)| a != b);
        assert!(files.0 == cluster.0, "{name}: the snapshots differ, first in {differs:?}");
        assert!(files.0.len() > 100, "{name}: nothing is compared");
    }
    true
}

#[tokio::test]
async fn every_configuration_of_the_compiler_s_own_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let mut compared = 0;
    for folder in ["tests/compile", "builtin"] {
        let mut paths: Vec<_> =
            std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        {
            compared += usize::from(check(path).await);
        }
    }
    assert!(compared > 12, "{compared} configurations were compared");
}
