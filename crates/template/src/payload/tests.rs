//! Small payloads byte for byte, and whole numbers at the edges of every form.

use super::*;

#[test]
fn small_payloads_are_canonical() {
    let check = |small: Small, want: &[u8]| assert_eq!(small.as_slice(), want);
    check(Small::varint(0), &[0]);
    check(Small::varint(u64::MAX), &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    check(Small::fixed(1u32.to_le_bytes()), &[1, 0, 0, 0]);
    check(Small::duration(Duration::ZERO), &[]);
    check(Small::duration(Duration::from_nanos(1_000_000_005)), &[8, 1, 16, 5]);
    check(Small::timestamp(Timestamp::from_proto(3, 0).unwrap()), &[8, 3]);
    let minus = [&[8][..], &[0xff; 9], &[1, 16], &[0xff; 9], &[1]].concat();
    check(Small::duration(Duration::from_nanos(-1_000_000_001)), &minus);
}

#[test]
fn whole_numbers_fit_or_not() {
    let check = |whole: Whole, low: i128, high: i128| {
        for fits in [low, high] {
            assert!(whole.payload(fits).is_some(), "{} {fits}", whole.name());
        }
        for out in [low - 1, high + 1] {
            assert!(whole.payload(out).is_none(), "{} {out}", whole.name());
        }
    };
    for whole in [Whole::Int32, Whole::Sint32, Whole::Sfixed32] {
        check(whole, i32::MIN.into(), i32::MAX.into());
    }
    for whole in [Whole::Int64, Whole::Sint64, Whole::Sfixed64] {
        check(whole, i64::MIN.into(), i64::MAX.into());
    }
    check(Whole::Uint32, 0, u32::MAX.into());
    check(Whole::Fixed32, 0, u32::MAX.into());
    check(Whole::Uint64, 0, u64::MAX.into());
    check(Whole::Fixed64, 0, u64::MAX.into());
}
