//! Severities by their names, and texts that are cut.

use super::*;

#[test]
fn severities_have_names() {
    let wanted = [
        ("Info", "INFO"),
        ("warning", "WARNING"),
        ("WARN", "WARNING"),
        ("error", "ERROR"),
        ("Default", "DEFAULT"),
        ("emergency", "EMERGENCY"),
        ("notice", "NOTICE"),
        ("", "DEFAULT"),
        ("loud", "DEFAULT"),
    ];
    for (text, own) in wanted {
        assert_eq!(severity(text), own, "{text}");
    }
}

#[test]
fn a_text_is_cut_between_characters() {
    let long = cut("é".repeat(MAX_TEXT));
    assert!(long.ends_with("é [cut]") && long.len() == MAX_TEXT + 6);
    assert_eq!(cut("short".to_owned()), "short");
}
