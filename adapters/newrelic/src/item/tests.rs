//! A name is known exactly when it was added.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn names_are_a_set(names in prop::collection::vec("[ab.]{0,4}|[a-z.]{1,40}|\\PC{0,3}", 0..80)) {
        let (mut set, mut model) = (Names::default(), HashSet::new());
        for name in &names {
            prop_assert_eq!(set.has(name), model.contains(name));
            if model.insert(name) {
                set.add(name.as_str().into());
            }
            prop_assert!(set.has(name));
        }
        prop_assert_eq!(set.all.len(), model.len());
    }
}
