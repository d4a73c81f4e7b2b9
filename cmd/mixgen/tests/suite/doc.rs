//! `mixgen doc` writes a part of a Markdown file.

use crate::program::{CONFIG, Folder, TEMPLATE};

#[test]
fn the_part_says_how_it_was_made() {
    let folder = Folder::with(&[("config.proto", CONFIG), ("sub/template.proto", TEMPLATE)]);
    let text = folder.done(&["doc", "config.proto"]);
    let expected = "<!-- mixgen doc config.proto -->\n\nHow.\n\n| field | type | meaning |\n|---|---|---|\n\
                    | `text` | string | A text. |\n\n<!-- mixgen end -->\n";
    assert_eq!(text, expected);
    folder.done(&["doc", "config.proto", "-o", "sub/reference.md", "--heading", "2"]);
    assert!(folder.read("sub/reference.md").starts_with("<!-- mixgen doc ../config.proto --heading 2 -->\n"));
    let template = folder.done(&["doc", "sub/template.proto"]);
    assert!(template.contains("| `labels` | map of any |  |"), "{template}");
}

#[test]
fn refusals() {
    let folder = Folder::with(&[("other.proto", "syntax = \"proto3\"; package x; message Other {}")]);
    let error = folder.refused(&["doc", "other.proto"]);
    assert!(error.starts_with("other.proto: no message Params and no option template_variety"), "{error}");
    assert!(folder.refused(&["doc", "other.proto", "--heading", "7"]).contains("7"));
}
