//! Markdown: headings and tables.

use std::fmt::Write as _;

/// A heading of a message or enum, with its comment.
pub(super) fn section(level: u8, name: &str, comment: &str) -> String {
    let mut text = format!("\n{} `{name}`\n\n", "#".repeat(level.into()));
    if !comment.is_empty() {
        let _ = writeln!(text, "{comment}\n");
    }
    text
}

/// A table; a row is its cells, the last one a comment.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head_cells: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let mut text = line(&head_cells);
    let _ = writeln!(text, "|{}", "---|".repeat(head.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| one_line(cell)).collect();
        text.push_str(&line(&cells));
    }
    text
}

/// A comment as the content of a cell: paragraphs apart, lines joined, nothing that ends the cell.
fn one_line(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("<br><br>").replace('|', "\\|")
}

/// A link to the section of a message or enum.
pub(super) fn link(name: &str) -> String {
    let anchor: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
        .collect::<String>()
        .to_lowercase();
    format!("[{name}](#{anchor})")
}
