//! The crates that are linked into a program: what `cargo tree` resolves for it alone and for its target, without what only
//! runs while it is built.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use cargo_metadata::{Metadata, Package};

use super::Component;
use crate::image::program::{Arch, Program};

/// Name and version.
type Key = (String, String);

/// The program's package, and behind it all that it depends on, by name.
pub(super) fn linked(
    root: &Path,
    metadata: &Metadata,
    program: &Program,
    arch: Arch,
) -> anyhow::Result<Vec<Component>> {
    let lock = root.join("Cargo.lock");
    let lock = std::fs::read_to_string(&lock).with_context(|| lock.display().to_string())?;
    let checksums = checksums(&lock);
    let packages: HashMap<Key, &Package> =
        metadata.packages.iter().map(|p| ((p.name.to_string(), p.version.to_string()), p)).collect();
    let find =
        |key: &Key| packages.get(key).copied().with_context(|| format!("cargo metadata has no {key:?}"));
    let reference = |key: &Key| Ok(reference(root, find(key)?));
    let graph = graph(&tree(root, program, arch)?)?;
    let mut components = Vec::new();
    for (key, needs) in &graph {
        components.push(Component {
            reference: reference(key)?,
            name: key.0.clone(),
            version: key.1.clone(),
            kind: "library",
            licence: licence(find(key)?),
            checksum: checksums.get(key).cloned(),
            needs: needs.iter().map(reference).collect::<anyhow::Result<_>>()?,
        });
    }
    let main = components.iter().position(|part| part.name == program.name);
    let main = components.remove(main.with_context(|| format!("{} is not in its own tree", program.name))?);
    components.insert(0, main);
    Ok(components)
}

fn tree(root: &Path, program: &Program, arch: Arch) -> anyhow::Result<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).args(["tree", "--locked", "--package", &program.name, "--target", arch.target()]);
    cargo.args(["--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", "{p}"]);
    let output = cargo.output().context("cannot start cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "cargo tree: {said}");
    Ok(String::from_utf8(output.stdout)?)
}

/// Reads lines of `cargo tree --prefix depth`, such as `2clap v4.6.0 (*)`: who needs whom. What stands below a package is
/// shown once.
fn graph(tree: &str) -> anyhow::Result<BTreeMap<Key, Vec<Key>>> {
    let mut graph: BTreeMap<Key, Vec<Key>> = BTreeMap::new();
    let mut above: Vec<Key> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let unknown = || format!("cargo tree says {line:?}");
        let digits = line.find(|c: char| !c.is_ascii_digit()).with_context(unknown)?;
        let (depth, package) = line.split_at(digits);
        let depth: usize = depth.parse().with_context(unknown)?;
        let mut words = package.split(' ');
        let name = words.next().with_context(unknown)?;
        let version = words.next().and_then(|word| word.strip_prefix('v')).with_context(unknown)?;
        let key = (name.to_owned(), version.to_owned());
        above.truncate(depth);
        graph.entry(key.clone()).or_default();
        if let Some(parent) = above.last() {
            let needs = graph.entry(parent.clone()).or_default();
            if !needs.contains(&key) {
                needs.push(key.clone());
            }
        }
        above.push(key);
    }
    Ok(graph)
}

/// SHA-256 of the crates that come from a registry, as the lock file has them.
fn checksums(lock: &str) -> HashMap<Key, String> {
    let blocks = lock.split("[[package]]").skip(1);
    let found = blocks.filter_map(|block| {
        let field = |name: &str| {
            let mut lines = block.lines().filter_map(|line| line.split_once(" = "));
            lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"').to_owned())
        };
        Some(((field("name")?, field("version")?), field("checksum")?))
    });
    found.collect()
}

/// A package URL: of the registry, or of the folder in the project's own repository.
fn reference(root: &Path, package: &Package) -> String {
    let (name, version) = (&package.name, &package.version);
    if package.source.is_some() {
        return format!("pkg:cargo/{name}@{version}");
    }
    let folder = package.manifest_path.parent().map(|folder| folder.as_std_path()).unwrap_or(root);
    let folder = folder.strip_prefix(root).unwrap_or(folder).display();
    format!("pkg:github/mixer-rs/mixer-rs@{version}#{folder}")
}

/// Old crates wrote a slash where SPDX says OR.
fn licence(package: &Package) -> Option<String> {
    package.license.as_ref().map(|text| text.replace('/', " OR ").replace("  OR  ", " OR "))
}
