//! The quick way through a value, and the one for every value, come to the same.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn both_ways_read_the_same(
        text in prop::collection::vec(any::<u8>(), 0..6),
        more in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let value = [&[STRING, u8::try_from(text.len()).unwrap()][..], &text, &more].concat();
        for bytes in [&value, &text] {
            // NaN is not what it is.
            let told = |read| format!("{read:?}");
            prop_assert_eq!(told(ValueView::parse(bytes)), told(ValueView::parse_any(bytes)));
        }
    }
}
