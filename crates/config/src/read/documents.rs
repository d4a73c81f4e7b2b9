//! A file to its documents, by the lines that YAML reserves as markers.

/// The text of one document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Document<'a> {
    /// From the `---` line, if there is one, to the next marker.
    pub(super) text: &'a str,
    /// Lines of the file before `text`.
    pub(super) lines_before: u32,
}

/// The documents that hold more than comments and directives.
pub(super) fn split(text: &str) -> Vec<Document<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents = Vec::new();
    let (mut start, mut start_line, mut offset) = (0, 0, 0);
    let mut content = false;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let (begins, ends) = (is_marker(line, "---"), is_marker(line, "..."));
        if begins || ends {
            if content {
                documents.push(Document { text: &text[start..offset], lines_before: start_line });
            }
            start = if ends { offset + line.len() } else { offset };
            start_line = if ends { number.saturating_add(1) } else { number };
            content = begins && has_content(&line[3..], true);
        } else if !content {
            content = has_content(line, false);
            if !content && line.starts_with('%') {
                // A directive belongs to no document; its line must not be part of the next one.
                (start, start_line) = (offset + line.len(), number.saturating_add(1));
            }
        }
        offset += line.len();
    }
    if content {
        documents.push(Document { text: &text[start..], lines_before: start_line });
    }
    documents
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn has_content(line: &str, after_marker: bool) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#') && (after_marker || !line.starts_with('%'))
}
