//! Frames, statuses and addresses.

use bytes::Bytes;

use super::{Place, frame, split, unescape};

#[test]
fn frames() {
    let two = [frame(b"one"), frame(b"")].concat();
    assert_eq!(split(two.clone().into()).unwrap(), [&b"one"[..], b""]);
    assert!(split(Bytes::copy_from_slice(&two[..6])).is_err(), "cut off");
    assert!(split(Bytes::from_static(&[1, 0, 0, 0, 0])).is_err(), "compressed");
}

#[test]
fn messages_of_statuses() {
    for (written, meant) in
        [("a b", "a b"), ("100%25 %C3%A9", "100% é"), ("%", "%"), ("%zz", "%zz"), ("%4", "%4")]
    {
        assert_eq!(unescape(written), meant);
    }
}

#[test]
fn addresses() {
    for (written, place) in [
        ("127.0.0.1:80", "Tcp(\"127.0.0.1:80\")"),
        ("http://a:80/", "Tcp(\"a:80\")"),
        ("dns:///a:80", "Tcp(\"a:80\")"),
        ("unix:///a/b", "Unix(\"/a/b\")"),
        ("unix:/a/b", "Unix(\"/a/b\")"),
    ] {
        assert_eq!(format!("{:?}", Place::parse(written)), place);
    }
}
