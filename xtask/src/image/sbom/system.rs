//! What an image has from the system that it is built on: glibc and libgcc, which are linked in, Rust's standard library, and
//! the certificates of public authorities. Debian's names and versions, where the system is Debian.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::{Component, sha256_of};

/// The parts, by name.
pub(super) fn parts(ca_bundle: &Path) -> anyhow::Result<Vec<Component>> {
    let rust = said(Command::new("rustc").arg("--version")).context("rustc says no version")?;
    let rust = rust.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut parts = vec![
        part("glibc", debian(&linked("libc.a")), "LGPL-2.1-or-later"),
        part("libgcc", debian(&linked("libgcc_eh.a")), "GPL-3.0-or-later WITH GCC-exception-3.1"),
        Component {
            reference: format!("pkg:generic/rust-std@{rust}"),
            name: "rust-std".to_owned(),
            version: rust,
            kind: "library",
            licence: Some("MIT OR Apache-2.0".to_owned()),
            checksum: None,
            needs: Vec::new(),
        },
    ];
    let bundle = ca_bundle.display().to_string();
    // The bundle itself is made on the machine and belongs to no package.
    let owner = bundle.starts_with("/etc/ssl/certs/").then(|| version("ca-certificates")).flatten();
    let mut bundle = part("ca-certificates", owner, "MPL-2.0");
    bundle.kind = "data";
    bundle.checksum = Some(sha256_of(ca_bundle)?);
    parts.push(bundle);
    Ok(parts)
}

fn part(name: &str, debian: Option<(String, String)>, licence: &str) -> Component {
    let (reference, version) = match debian {
        Some(found) => found,
        None => (format!("system:{name}"), String::new()),
    };
    Component {
        reference,
        name: name.to_owned(),
        version,
        kind: "library",
        licence: Some(licence.to_owned()),
        checksum: None,
        needs: Vec::new(),
    }
}

/// The file that the linker takes.
fn linked(file: &str) -> Option<String> {
    said(Command::new("gcc").arg(format!("-print-file-name={file}")))
}

/// The package that owns a file: its URL and its version.
fn debian(file: &Option<String>) -> Option<(String, String)> {
    let file = Path::new(file.as_ref()?).canonicalize().ok()?;
    let owner = said(Command::new("dpkg-query").arg("--search").arg(file))?;
    version(owner.split_once(": ")?.0)
}

fn version(package: &str) -> Option<(String, String)> {
    let format = "--showformat=${Package} ${Version} ${Architecture}";
    let found = said(Command::new("dpkg-query").args(["--show", format, package]))?;
    let mut words = found.split(' ');
    let (name, version, arch) = (words.next()?, words.next()?, words.next()?);
    let encoded = version.replace('+', "%2B").replace(':', "%3A");
    Some((format!("pkg:deb/debian/{name}@{encoded}?arch={arch}"), version.to_owned()))
}

/// What a command prints, if it succeeds.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
