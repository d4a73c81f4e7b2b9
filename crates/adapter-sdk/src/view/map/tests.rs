//! The quick way through an entry, and the one for every entry, come to the same.

use proptest::prelude::*;

use super::*;

fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

/// Entries as they are written, entries that are nearly so, and bytes.
fn entries() -> impl Strategy<Value = Vec<u8>> {
    let text =
        prop_oneof!["[a-z.]{0,8}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..4)];
    let value = prop_oneof![
        text.clone().prop_map(|text| field(0x0a, &text)),
        prop::collection::vec(any::<u8>(), 0..12),
        (0..0x80_u8).prop_map(|number| vec![0x10, number]),
        Just(Vec::new()),
    ];
    let entry = (text, value).prop_map(|(key, value)| [field(KEY, &key), field(VALUE, &value)].concat());
    let longer = (entry.clone(), prop::collection::vec(any::<u8>(), 0..4));
    prop_oneof![
        entry,
        longer.prop_map(|(entry, more)| [entry, more].concat()),
        prop::collection::vec(any::<u8>(), 0..16),
    ]
}

proptest! {
    #[test]
    fn both_ways_read_the_same(entry in entries()) {
        // NaN is not what it is.
        let told = |read| format!("{read:?}");
        prop_assert_eq!(told(ValueEntries::entry(&entry)), told(ValueEntries::any_entry(&entry)));
    }

    #[test]
    fn entries_are_found_among_other_fields(
        fields in prop::collection::vec((any::<bool>(), entries(), any::<bool>()), 0..5),
        rest in prop::collection::vec(any::<u8>(), 0..4),
        number in prop_oneof![1u32..40, Just(300)],
    ) {
        let mut bytes = Vec::new();
        for (is_entry, field, long) in &fields {
            let field = if *long { field.repeat(40) } else { field.clone() };
            prost::encoding::bytes::encode(if *is_entry { number } else { number + 1 }, &field, &mut bytes);
        }
        bytes.extend(rest);
        let map = ValueMap { number, span: &bytes, interleaved: true };
        let mut expected = Vec::new();
        for field in Fields::new(&bytes) {
            match field {
                Ok(field) if field.number == number => {
                    expected.push(field.bytes().and_then(ValueEntries::any_entry));
                }
                Ok(_) => {}
                Err(error) => expected.push(Err(error)),
            }
        }
        let found: Vec<_> = map.iter().collect();
        prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    }
}
