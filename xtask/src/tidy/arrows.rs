//! The arrows of ARCHITECTURE.md, read from `cargo metadata`: which package may reach which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use super::Finding;

/// Packages that are pure: whatever they depend on, none of these may be reached.
const PURE: &[&str] = &[
    "mixer-proto",
    "mixer-attribute",
    "mixer-wire",
    "mixer-expr",
    "mixer-template",
    "mixer-adapter-api",
    "mixer-peer-id",
    "mixer-config",
];
const IMPURE: &[&str] = &["tokio", "tonic", "hyper", "kube"];

/// Packages that make files from files: they know no runtime either. (`mixgen` also runs what examines adapters.)
const GENERATORS: &[&str] = &["mixer-codegen"];

/// Only these may reach the Kubernetes client.
const KUBE_USERS: &[&str] = &["mixer-config-kube", "mixer-kubernetesenv-adapter", "mixs"];
const KUBE: &[&str] = &["kube", "k8s-openapi"];

/// These see adapters only through the trait.
const BLIND: &[&str] = &["mixer-server", "mixer-dispatch", "mixer-config"];

/// What adapters are tested with is no part of what runs; these programs may offer it to authors.
const TESTERS: &[&str] = &["mixgen"];
const TEST_TOOLS: &[&str] = &["mixer-adapter-test", "mixer-testkit", "mixer-kube-sim"];

/// One TLS provider, one YAML parser, one allocator story: none of these may enter the lock file.
const BANNED: &[(&str, &str)] = &[
    ("aws-lc-rs", "the one TLS provider is ring"),
    ("openssl", "the one TLS stack is rustls"),
    ("native-tls", "the one TLS stack is rustls"),
    ("serde_yaml", "the one YAML parser is serde-saphyr"),
    ("serde_yml", "the one YAML parser is serde-saphyr"),
    ("serde_yaml_ng", "the one YAML parser is serde-saphyr"),
    ("yaml-rust", "the one YAML parser is serde-saphyr"),
    ("yaml-rust2", "the one YAML parser is serde-saphyr"),
];

pub(super) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).exec()?;
    let graph = Graph::new(&metadata);
    let mut findings = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let reached = graph.reachable(&package.id);
        let mut forbid = |targets: &[&str], why: &str| {
            for target in targets.iter().filter(|target| reached.contains(**target)) {
                findings.push(Finding::new(name, format!("reaches {target}: {why}")));
            }
        };
        if PURE.contains(&name) {
            forbid(IMPURE, "this package does no I/O and knows no runtime");
        }
        if GENERATORS.contains(&name) {
            forbid(IMPURE, "a generator reads and writes files, and serves nothing");
        }
        if !KUBE_USERS.contains(&name) {
            forbid(KUBE, "only the Kubernetes source knows Kubernetes");
        }
        if !TESTERS.contains(&name) && !TEST_TOOLS.contains(&name) {
            forbid(TEST_TOOLS, "production code does not carry test tools; make it a dev-dependency");
        }
        if BLIND.contains(&name) {
            let adapters: Vec<&str> = reached.iter().copied().filter(|n| n.ends_with("-adapter")).collect();
            forbid(&adapters, "adapters are seen only through the trait of mixer-adapter-api");
            forbid(&["mixer-adapters"], "the registry is handed in by cmd/mixs");
        }
    }
    for (banned, why) in BANNED {
        if metadata.packages.iter().any(|package| package.name.as_str() == *banned) {
            findings.push(Finding::new("Cargo.lock", format!("contains {banned}: {why}")));
        }
    }
    Ok(findings)
}

/// Who depends on whom in builds (dev-dependencies left out).
struct Graph<'a> {
    names: BTreeMap<&'a PackageId, &'a str>,
    edges: BTreeMap<&'a PackageId, Vec<&'a PackageId>>,
}

impl<'a> Graph<'a> {
    fn new(metadata: &'a Metadata) -> Self {
        let names = metadata.packages.iter().map(|p| (&p.id, p.name.as_str())).collect();
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let edges = nodes
            .map(|node| {
                let normal = node
                    .deps
                    .iter()
                    .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
                (&node.id, normal.map(|dep| &dep.pkg).collect())
            })
            .collect();
        Self { names, edges }
    }

    fn reachable(&self, from: &'a PackageId) -> BTreeSet<&'a str> {
        let mut seen = BTreeSet::new();
        let mut todo = vec![from];
        while let Some(id) = todo.pop() {
            for next in self.edges.get(id).into_iter().flatten().copied() {
                if seen.insert(next) {
                    todo.push(next);
                }
            }
        }
        seen.into_iter().filter_map(|id| self.names.get(id).copied()).collect()
    }
}
