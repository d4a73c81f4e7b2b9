//! What is put together comes apart as it was, and other bytes are no body.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Objects as the adapter makes them, with everything that JSON can hold in their values.
fn item() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        any::<f64>().prop_map(|number| json!(number)),
        any::<i64>().prop_map(|number| json!(number)),
        ".*".prop_map(|text| json!(text)),
        prop::collection::vec(any::<f64>(), 0..3).prop_map(|numbers| json!({"entries": numbers})),
    ];
    let object = prop::collection::hash_map("[a-z\"]{1,6}", value, 0..5);
    object.prop_map(|object| json!(object).to_string().into_bytes())
}

proptest! {
    #[test]
    fn items_survive_to_the_byte(items in prop::collection::vec(item(), 0..20)) {
        for more in ["", ",\"partialSuccess\":true"] {
            let packed = compressed("entries", &items, more);
            prop_assert_eq!(items_of_compressed(&packed, "entries"), Some(items.clone()));
            prop_assert_eq!(items_of_compressed(&packed, "spans"), None);
            let plain: Vec<&[u8]> = items.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(super::items(&body("timeSeries", &plain, more), "timeSeries"), Some(items.clone()));
        }
    }

    #[test]
    fn other_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(items_of_compressed(&bytes, "entries"), None);
        prop_assert_eq!(items_of_compressed(&gzip(&bytes), "entries"), None);
        prop_assert_eq!(super::items(&bytes, "entries"), None);
    }
}
