//! The types of the shipped templates say the same as the table.

use super::*;

#[test]
fn types_and_table_say_the_same() {
    assert_eq!(ENTRIES.len(), templates::SHIPPED.len());
    for (listed, entry) in ENTRIES {
        assert_eq!(*listed, entry);
    }
}
