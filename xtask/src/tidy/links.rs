//! Relative links of the documents lead to files that exist.

use std::fs;
use std::path::Path;

use super::{Finding, files};

pub(super) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in files::tracked(root, "*.md")? {
        let text = fs::read_to_string(root.join(&path))?;
        let folder = root.join(&path).parent().map(Path::to_path_buf).unwrap_or_default();
        for target in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !folder.join(file).exists() {
                let message = format!("links to {target}, which does not exist");
                findings.push(Finding::new(path.display().to_string(), message));
            }
        }
    }
    Ok(findings)
}

/// Targets of inline links, without those that lead outside.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:") && !target.contains(' '))
}
