//! What differs is shown with its neighbours, and a rewritten file says what happened.

use super::{difference, rewritten};

#[test]
fn a_difference() {
    assert_eq!(difference("a\nb\n", "a\nb"), None, "the end of the text does not matter");
    let long = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    let text = difference(long, &long.replace("8\n", "eight\n")).unwrap();
    assert_eq!(text, "  5\n  6\n  7\n- 8\n+ eight\n  9\n");
}

#[test]
fn a_file_is_rewritten_from_its_want_on() {
    let cases = [
        (
            "kind: rule\n---\nsteps: []\nwant: |\n  old\n",
            "kind: rule\n---\nsteps: []\nwant: |\n  new\n\n  x\n",
        ),
        ("steps: []\n", "steps: []\nwant: |\n  new\n\n  x\n"),
        ("a: {want: 1}\nwant: ''\n", "a: {want: 1}\nwant: |\n  new\n\n  x\n"),
    ];
    for (file, expected) in cases {
        assert_eq!(rewritten(file, "new\n\nx\n"), expected);
        assert_eq!(rewritten(expected, "new\n\nx\n"), expected, "the second time changes nothing");
    }
}
