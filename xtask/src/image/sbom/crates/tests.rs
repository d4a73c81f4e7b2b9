//! What is read from cargo's output and files.

use super::{checksums, graph};

#[test]
fn a_tree_becomes_a_graph() {
    let tree = "0a v1.0.0 (/src/a)\n1b v0.2.0\n2c v3.0.0\n2d v0.1.0+x\n1c v3.0.0\n1e v1.0.0\n2b v0.2.0 (*)\n";
    let graph = graph(tree).unwrap();
    let needs = |name: &str, version: &str| {
        let needs = &graph[&(name.to_owned(), version.to_owned())];
        needs.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(needs("a", "1.0.0"), "b 0.2.0, c 3.0.0, e 1.0.0");
    assert_eq!(needs("b", "0.2.0"), "c 3.0.0, d 0.1.0+x");
    assert_eq!(needs("c", "3.0.0"), "");
    assert_eq!(needs("e", "1.0.0"), "b 0.2.0");
    assert!(super::graph("warning: something").is_err());
}

#[test]
fn checksums_come_from_the_lock_file() {
    let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n\
                source = \"registry\"\nchecksum = \"00ff\"\ndependencies = [\n \"a\",\n]\n";
    let found = checksums(lock);
    assert_eq!(found.len(), 1);
    assert_eq!(found[&("b".to_owned(), "2.0.0".to_owned())], "00ff");
}
