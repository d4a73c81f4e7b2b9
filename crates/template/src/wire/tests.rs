//! Tests of the wire format against prost's own codec.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn varints_agree_with_prost(value in prop_oneof![any::<u64>(), 0u64..300, (0u32..64).prop_map(|b| 1 << b)]) {
        let mut ours = Vec::new();
        put_varint(&mut ours, value);
        let mut theirs = Vec::new();
        prost::encoding::encode_varint(value, &mut theirs);
        prop_assert_eq!(&ours, &theirs);
        prop_assert_eq!(varint_len(value), ours.len());
        prop_assert_eq!(Fields(&ours).varint(), Ok(value));
    }

    #[test]
    fn zigzag_round_trips(value in any::<i64>()) {
        prop_assert_eq!(unzigzag(zigzag(value)), value);
        prop_assert_eq!(zigzag(value) & 1 == 1, value < 0);
    }

    #[test]
    fn any_bytes_are_walked_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let mut fields = Fields::new(&bytes);
        while let Ok(Some(_)) = fields.next() {}
    }
}

#[test]
fn malformed_bytes_are_named() {
    let check = |bytes: &[u8], want: WireError| {
        let mut fields = Fields::new(bytes);
        let got = loop {
            match fields.next() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{bytes:x?} was taken"),
                Err(error) => break error,
            }
        };
        assert_eq!(got, want, "{bytes:x?}");
    };
    check(&[0x08], WireError::Truncated);
    check(&[0x08, 0x80], WireError::Truncated);
    check(&[0x0a, 2, b'x'], WireError::Truncated);
    check(&[0x09, 0, 0], WireError::Truncated);
    check(&[0x0d, 0, 0], WireError::Truncated);
    check(&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], WireError::Overflow);
    check(&[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], WireError::Overflow);
    check(&[0x00, 0x00], WireError::BadTag);
    check(&[0x0e], WireError::BadTag);
    check(&[0x0c], WireError::BadGroup);
    check(&[0x0b, 0x14], WireError::BadGroup);
    check(&[0x0b, 0x08, 0x01], WireError::Truncated);
}

#[test]
fn groups_are_skipped_and_long_varints_are_taken() {
    // Field 1 as a group holding field 2 and a nested group 3, then field 4 = 11 in a padded varint.
    let bytes = [0x0b, 0x12, 1, b'x', 0x1b, 0x1c, 0x0c, 0x20, 0x8b, 0x80, 0x00];
    let mut fields = Fields::new(&bytes);
    assert_eq!(fields.next(), Ok(Some((1, WireValue::Group))));
    assert_eq!(fields.next(), Ok(Some((4, WireValue::Varint(11)))));
    assert_eq!(fields.next(), Ok(None));
}
