//! The static build, and what is known about its sources.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use cargo_metadata::Message;

use super::program::{Arch, Program};
use super::{Args, Facts};

/// Version, commit and time of the sources.
pub(super) fn facts(root: &Path, version: Option<&str>, args: &Args) -> anyhow::Result<Facts> {
    let version = version.unwrap_or_default().to_owned();
    // Sources without a repository still make an image.
    let commit = git(root, &["rev-parse", "HEAD"]).unwrap_or_else(|_| "unknown".to_owned());
    let modified =
        git(root, &["status", "--porcelain", "--untracked-files=no"]).is_ok_and(|text| !text.is_empty());
    let revision = if modified { format!("{commit}-modified") } else { commit };
    let changed = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => git(root, &["log", "-1", "--format=%ct"]).unwrap_or_else(|_| "0".to_owned()),
    };
    let changed = changed
        .trim()
        .parse()
        .with_context(|| format!("SOURCE_DATE_EPOCH is {changed:?}; write the seconds since 1970"))?;
    let tag = args.tag.clone().unwrap_or_else(|| version.clone());
    Ok(Facts { version, tag, revision, changed })
}

fn git(root: &Path, args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").current_dir(root).args(args).stderr(Stdio::null()).output()?;
    anyhow::ensure!(output.status.success(), "git {args:?}: {}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Builds a program that needs no library of the system; where it is. Each one is built by itself: in one build, crates that two
/// of them share would have the features that either wants, and a program would depend on what is built beside it.
pub(super) fn static_program(
    root: &Path,
    program: &Program,
    args: &Args,
    facts: &Facts,
) -> anyhow::Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).args(["build", "--locked", "--message-format=json-render-diagnostics"]);
    // With a target the flags hold for what is linked, and not for build scripts.
    cargo.args(["--profile", &args.profile, "--target", args.arch.target()]);
    cargo.args(["--package", &program.name, "--bin", &program.name]);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(root, args.arch)?.join("\u{1f}"));
    cargo.env("MIXER_REVISION", facts.revision.trim_end_matches("-modified"));
    cargo.env("MIXER_STATUS", if facts.revision.ends_with("-modified") { "Modified" } else { "Clean" });
    cargo.env("MIXER_HUB", &args.repository).env("MIXER_TAG", &facts.tag);
    let mut building = cargo.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let stdout = building.stdout.take().context("cargo has no output")?;
    let mut found = None;
    for message in Message::parse_stream(std::io::BufReader::new(stdout)) {
        let Message::CompilerArtifact(artifact) = message? else { continue };
        let Some(executable) = artifact.executable else { continue };
        if artifact.target.name == program.name {
            found = Some(executable.into_std_path_buf());
        }
    }
    let status = building.wait()?;
    anyhow::ensure!(status.success(), "the static build of {} failed ({status})", program.name);
    found.with_context(|| format!("cargo built no {}", program.name))
}

/// Flags of rustc, as in the Dockerfile: a static program, which does not tell where it was built.
fn flags(root: &Path, arch: Arch) -> anyhow::Result<Vec<String>> {
    let own = std::env::var("RUSTFLAGS").unwrap_or_default();
    let mut flags: Vec<String> = own.split_whitespace().map(str::to_owned).collect();
    flags.push("-Ctarget-feature=+crt-static".to_owned());
    if arch == Arch::Amd64 {
        // A third of a megabyte less. Needs glibc 2.36, whose linkers for other processors know it later.
        flags.push("-Clink-arg=-Wl,-z,pack-relative-relocs".to_owned());
    }
    flags.push(format!("--remap-path-prefix={}=/src", root.canonicalize()?.display()));
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
        // The last one that fits is taken. These are in every message of a panic, and long.
        let registries = std::fs::read_dir(home.join("registry/src"));
        for registry in registries.into_iter().flatten() {
            flags.push(format!("--remap-path-prefix={}=/crates", registry?.path().display()));
        }
    }
    Ok(flags)
}
