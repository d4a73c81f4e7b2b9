//! Questions as resolvers ask them, byte by byte.

use super::Names;

/// A question for the addresses of `Pods.local`.
fn question(kind: u8) -> Vec<u8> {
    let head = [0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    let name = b"\x04Pods\x05local\0";
    // What follows (EDNS) is not looked at.
    [&head[..], name, &[0, kind, 0, 1], &[0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]].concat()
}

#[test]
fn a_name_has_the_addresses_of_its_pods() {
    let names = Names::default();
    assert_eq!(names.answer(&question(1)).unwrap()[3], 0x83, "no such name");
    names.add("pods.local", [10, 0, 0, 1].into());
    names.add("pods.local", [10, 0, 0, 2].into());
    names.remove("pods.local", [10, 0, 0, 1].into());
    let answer = names.answer(&question(1)).unwrap();
    let head = [0xab, 0xcd, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    let question_part = b"\x04Pods\x05local\0\0\x01\0\x01";
    let record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 10, 0, 0, 2];
    assert_eq!(answer, [&head[..], question_part, &record].concat());
    let none = names.answer(&question(28)).unwrap();
    assert_eq!((none[3], none[7]), (0x80, 0), "a name without an address of IPv6");
}

#[test]
fn what_is_no_question_gets_no_answer() {
    let names = Names::default();
    let whole = question(1);
    for length in 0..25 {
        assert_eq!(names.answer(&whole[..length]), None, "{length}");
    }
}
