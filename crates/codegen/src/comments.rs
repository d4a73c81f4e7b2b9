//! Comments and lines of the elements of a proto file, from its source information.

use std::collections::HashMap;

use prost_reflect::FileDescriptor;
use prost_types::source_code_info::Location;

/// Path of the `syntax` statement in `FileDescriptorProto`.
pub(crate) const SYNTAX: &[i32] = &[12];
/// Path of the `package` statement.
pub(crate) const PACKAGE: &[i32] = &[2];

/// What is known of the places in one file. A descriptor set that was made without source information has none.
#[derive(Debug, Default)]
pub(crate) struct Comments(HashMap<Vec<i32>, Location>);

impl Comments {
    pub(crate) fn of(file: &FileDescriptor) -> Self {
        let info = file.file_descriptor_proto().source_code_info.as_ref();
        let locations = info.into_iter().flat_map(|info| &info.location);
        let mut places = HashMap::new();
        for location in locations {
            // Of an element that stands in several places, such as options, the first one counts.
            places.entry(location.path.clone()).or_insert_with(|| location.clone());
        }
        Self(places)
    }

    /// The line on which an element starts, from 1; none for the file as a whole, whose path is empty.
    pub(crate) fn line(&self, path: &[i32]) -> Option<u32> {
        if path.is_empty() {
            return None;
        }
        let start = self.0.get(path)?.span.first()?;
        u32::try_from(start + 1).ok()
    }

    /// The comment above an element, or the one behind it, without indentation and without blank lines at the ends.
    /// Lines that only steer documentation tools (`$title: …`) are left out.
    pub(crate) fn text(&self, path: &[i32]) -> String {
        let Some(location) = self.0.get(path) else { return String::new() };
        let text = match (location.leading_comments.as_deref(), location.trailing_comments.as_deref()) {
            (Some(text), _) if !text.trim().is_empty() => text,
            (_, text) => text.unwrap_or_default(),
        };
        let lines = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
        let lines: Vec<&str> = lines.filter(|line| !is_annotation(line)).collect();
        lines.join("\n").trim_matches('\n').to_owned()
    }

    /// Whether the comment above an element holds an annotation such as `$hide_from_docs`.
    pub(crate) fn has_annotation(&self, path: &[i32], name: &str) -> bool {
        let comment = self.0.get(path).and_then(|location| location.leading_comments.as_deref());
        comment.unwrap_or_default().lines().any(|line| line.trim() == name)
    }
}

/// `$word` or `$word: text`, as the documentation tools of Istio read them.
fn is_annotation(line: &str) -> bool {
    let Some(rest) = line.trim().strip_prefix('$') else { return false };
    let word = rest.split_once(':').map_or(rest, |(word, _)| word);
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
