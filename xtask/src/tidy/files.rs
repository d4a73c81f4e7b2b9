//! Sizes and openings of source files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::Finding;

const MOST_LINES: usize = 600;

pub(super) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in tracked(root, "*.rs")? {
        let shown = path.display().to_string();
        let generated = shown.contains("/generated");
        let text = fs::read_to_string(root.join(&path)).with_context(|| shown.clone())?;
        if !generated && !text.starts_with("//!") && !text.starts_with("#!") {
            findings
                .push(Finding::new(&shown, "opens without a module doc (`//!` …) that says what it is for"));
        }
        let lines = text.lines().count();
        if !generated && !is_test(&shown) && lines > MOST_LINES {
            findings.push(Finding::new(&shown, format!("{lines} lines; split it where the ideas split")));
        }
        if path.file_name().is_some_and(|name| name == "mod.rs") {
            findings.push(Finding::new(&shown, "use `foo.rs` beside `foo/` instead of `mod.rs`"));
        }
        if text.contains(concat!("#[", "ignore")) {
            findings.push(Finding::new(&shown, "an ignored test proves nothing"));
        }
    }
    Ok(findings)
}

fn is_test(path: &str) -> bool {
    ["/tests/", "/benches/", "/fuzz/"].iter().any(|part| path.contains(part))
        || path.ends_with("/tests.rs")
        || path.starts_with("fuzz/")
}

/// Paths that git tracks, relative to the root.
pub(super) fn tracked(root: &Path, pattern: &str) -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new("git").current_dir(root).args(["ls-files", "--", pattern]).output()?;
    anyhow::ensure!(output.status.success(), "git ls-files failed; is this a git checkout?");
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(PathBuf::from).filter(|path| root.join(path).exists()).collect())
}
