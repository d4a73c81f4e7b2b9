//! The expected text at the end of a scenario: compared line by line, or rewritten.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

/// The environment variable that rewrites expectations instead of comparing them.
pub(crate) const UPDATE: &str = "UPDATE_GOLDENS";

/// The key under which a scenario has its expected text; the last one of its file.
const KEY: &str = "want:";

/// The lines that differ, each with its neighbours; none when the texts are the same.
pub(crate) fn difference(wanted: &str, happened: &str) -> Option<String> {
    if wanted.trim_end() == happened.trim_end() {
        return None;
    }
    let (wanted, happened) = (format!("{}\n", wanted.trim_end()), format!("{}\n", happened.trim_end()));
    let diff = TextDiff::from_lines(&wanted, &happened);
    let mut text = String::new();
    for (index, group) in diff.grouped_ops(3).iter().enumerate() {
        if index > 0 {
            text.push_str("  …\n");
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let _ = writeln!(text, "{sign} {}", change.value().trim_end_matches('\n'));
        }
    }
    Some(text)
}

/// The file with another expected text.
pub(crate) fn rewritten(file: &str, happened: &str) -> String {
    let kept = want_line(file).and_then(|at| file.get(..at)).unwrap_or(file);
    let mut text = format!("{}\n{KEY} |\n", kept.trim_end());
    for line in happened.trim_end().lines() {
        match line.trim_end() {
            "" => text.push('\n'),
            line => {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    text
}

/// Where the last line starts that begins with the key.
fn want_line(file: &str) -> Option<usize> {
    let mut starts = std::iter::once(0).chain(file.match_indices('\n').map(|(at, _)| at + 1));
    starts.rfind(|at| file.get(*at..).is_some_and(|rest| rest.starts_with(KEY)))
}

#[cfg(test)]
mod tests;
