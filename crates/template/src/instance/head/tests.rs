//! Heads against lengths computed by nesting the bytes for real.

use proptest::prelude::*;

use super::*;
use crate::wire::put_delimited;

proptest! {
    #[test]
    fn lengths_are_those_of_nested_messages(
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..150), 1..=MAX_PLACES),
        outer in proptest::collection::vec(any::<u8>(), 0..4),
        len in prop_oneof![0usize..200, 16_000usize..17_000],
    ) {
        let payload = vec![7; len];
        let mut head = Head::new(&outer);
        for part in &parts {
            head = head.length().bytes(part);
        }
        let mut want = payload.clone();
        for part in parts.iter().rev() {
            let mut content = part.clone();
            content.extend_from_slice(&want);
            want.clear();
            put_delimited(&mut want, &content);
        }
        want.splice(0..0, outer.iter().copied());
        prop_assert_eq!(head.finish(&payload), want);
    }
}

#[test]
fn one_byte_lengths_end_at_127() {
    let head = Head::new(&[1]).length().bytes(&[2]).length();
    for len in 120..132 {
        let mut inner = vec![2];
        put_delimited(&mut inner, &vec![9; len]);
        let mut want = vec![1];
        put_delimited(&mut want, &inner);
        assert_eq!(head.finish(&vec![9; len]), want, "{len}");
    }
}

#[test]
fn joined_heads_keep_their_places() {
    let head = Head::new(&[1]).length().append(&Head::new(&[2]).length().bytes(&[3]));
    assert_eq!(head.finish(&[4, 5]), [1, 5, 2, 3, 3, 4, 5]);
    assert_eq!(Head::default().length_if(false).finish(&[1]), [1]);
}
