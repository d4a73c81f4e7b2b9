//! What is said to stay as it is, stays so.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn what_is_kept_is_not_changed(
        name in "[a-z.:_]{0,20}|\\PC{0,4}|a{254,257}|(message|timestamp|accountId|count)",
        text in "[a-z]{0,20}|a{4094,4098}",
    ) {
        for rules in [&METRIC, &SPAN, &LOG, &EVENT] {
            let mut changes = Changes::default();
            let kept = rules.attribute(&name, &ValueView::String(&text), &mut changes);
            let as_it_is = kept == Some((name.as_str().into(), Field::Text(text.as_str().into())));
            prop_assert_eq!(rules.keeps(&name, &text), as_it_is);
            prop_assert_eq!(as_it_is, changes == Changes::default());
        }
    }
}
