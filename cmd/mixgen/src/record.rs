//! What a generated file says of itself: that mixgen made it, and with which command. `mixgen check` reads it.
//!
//! YAML and proto files say it in their first two lines; in Markdown two comments enclose what was made. Paths in the
//! command are relative to the directory of the file.

use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;

const MADE: &str = "Made by mixgen, do not edit; `mixgen check --write` makes it again with:";
const BEGIN: &str = "<!-- mixgen ";
const END: &str = "<!-- mixgen end -->";

/// The first two lines of a generated file.
pub(crate) fn head(comment: &str, command: &str) -> String {
    format!("{comment} {MADE}\n{comment} {command}\n")
}

/// A part of a Markdown file.
pub(crate) fn block(text: &str, command: &str) -> String {
    let arguments = command.strip_prefix("mixgen ").unwrap_or(command);
    format!("{BEGIN}{arguments} -->\n\n{}\n\n{END}\n", text.trim())
}

/// The command that made a file, by its first two lines; none when it is no file of ours.
pub(crate) fn command_of(text: &str) -> Option<&str> {
    let mut lines = text.lines();
    let first = lines.next()?;
    let comment = ["#", "//"].into_iter().find(|comment| first == format!("{comment} {MADE}"))?;
    Some(lines.next().and_then(|line| line.strip_prefix(comment)).unwrap_or_default().trim())
}

/// One generated part of a Markdown file.
pub(crate) struct Block<'t> {
    /// Its command, without `mixgen`.
    pub(crate) command: &'t str,
    /// The part with both comments; without an end it goes to the end of the file.
    pub(crate) text: &'t str,
}

/// The generated parts of a Markdown file, in order. A part begins on a line of its own, and not in a fenced block, which
/// only shows one.
pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let (mut offset, mut fenced) = (0, false);
    while let Some(rest) = text.get(offset..).filter(|rest| !rest.is_empty()) {
        let line = rest.split_inclusive('\n').next().unwrap_or(rest);
        let command = line.strip_prefix(BEGIN).filter(|_| !fenced);
        let Some(command) = command else {
            fenced ^= line.trim_start().starts_with("```");
            offset += line.len();
            continue;
        };
        let end = rest.find(END).map_or(rest.len(), |end| end + END.len());
        let command = command.trim_end().strip_suffix("-->").unwrap_or_default().trim();
        blocks.push(Block { command, text: rest.get(..end).unwrap_or(rest) });
        offset += end;
    }
    blocks
}

/// A command line as text.
pub(crate) fn command_line(arguments: &[String]) -> anyhow::Result<String> {
    let quoted = shlex::try_join(arguments.iter().map(String::as_str));
    Ok(format!("mixgen {}", quoted.context("an argument holds a zero byte")?))
}

/// A path as it is written in a file of the directory `from`.
pub(crate) fn seen_from(from: &Path, path: &Path) -> anyhow::Result<String> {
    let absolute = |path: &Path| {
        let whole = path.canonicalize().or_else(|_| std::path::absolute(path));
        whole.with_context(|| format!("cannot find {}", path.display()))
    };
    let from = absolute(if from.as_os_str().is_empty() { Path::new(".") } else { from })?;
    let path = absolute(path)?;
    let shared = from.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let mut relative = PathBuf::new();
    relative.extend(from.components().skip(shared).map(|_| Component::ParentDir));
    relative.extend(path.components().skip(shared));
    if relative.as_os_str().is_empty() {
        relative.push(Component::CurDir);
    }
    Ok(relative.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/"))
}
