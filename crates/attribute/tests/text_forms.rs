//! Durations and timestamps as text: Go's duration syntax and RFC 3339, in both directions.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use mixer_attribute::{Duration, Timestamp, ValueType};
use proptest::prelude::*;

/// Text in, nanoseconds and printed form out; `None` when it is not a duration.
fn check_duration(text: &str, expected: Option<(i64, &str)>) {
    let parsed = text.parse::<Duration>().ok();
    let shown = parsed.map(|duration| (duration.nanos(), duration.to_string()));
    assert_eq!(shown, expected.map(|(nanos, text)| (nanos, text.to_owned())), "{text:?}");
}

#[test]
fn durations_read_and_print_as_in_go() {
    let second = 1_000_000_000;
    for (text, expected) in [
        ("0", Some((0, "0s"))),
        ("-0", Some((0, "0s"))),
        ("+0", Some((0, "0s"))),
        ("5s", Some((5 * second, "5s"))),
        ("+1h", Some((3600 * second, "1h0m0s"))),
        ("1h2m", Some((3720 * second, "1h2m0s"))),
        ("1m0.5s", Some((60 * second + second / 2, "1m0.5s"))),
        ("1.5h", Some((5400 * second, "1h30m0s"))),
        (".5s", Some((second / 2, "500ms"))),
        ("1.s", Some((second, "1s"))),
        ("-1.5ms", Some((-1_500_000, "-1.5ms"))),
        ("1us", Some((1_000, "1\u{b5}s"))),
        ("1\u{b5}s", Some((1_000, "1\u{b5}s"))),
        ("1\u{3bc}s", Some((1_000, "1\u{b5}s"))),
        ("1ns", Some((1, "1ns"))),
        ("0.1ns", Some((0, "0s"))),
        ("1h1h", Some((7200 * second, "2h0m0s"))),
        ("3.000000001s", Some((3 * second + 1, "3.000000001s"))),
        ("9223372036854775807ns", Some((i64::MAX, "2562047h47m16.854775807s"))),
        ("-9223372036854775808ns", Some((i64::MIN, "-2562047h47m16.854775808s"))),
        ("9223372036854775808ns", None),
        ("2562048h", None),
        ("1", None),
        ("", None),
        ("-", None),
        ("s", None),
        (".s", None),
        ("1d", None),
        ("1.5", None),
        ("5 s", None),
        ("5S", None),
        ("1_0s", None),
    ] {
        check_duration(text, expected);
    }
}

/// Text in, protobuf fields and printed form out.
fn check_timestamp(text: &str, expected: Option<(i64, i32, &str)>) {
    let parsed = text.parse::<Timestamp>().ok();
    let shown = parsed.map(|time| (time.to_proto().0, time.to_proto().1, time.to_string()));
    assert_eq!(shown, expected.map(|(s, n, text)| (s, n, text.to_owned())), "{text:?}");
}

#[test]
fn timestamps_are_strict_rfc3339() {
    for (text, expected) in [
        ("2019-01-01T00:00:00Z", Some((1_546_300_800, 0, "2019-01-01T00:00:00Z"))),
        ("2019-01-01T01:00:00+01:00", Some((1_546_300_800, 0, "2019-01-01T00:00:00Z"))),
        ("2018-12-31T16:30:00-07:30", Some((1_546_300_800, 0, "2019-01-01T00:00:00Z"))),
        ("2019-01-01T00:00:00.5Z", Some((1_546_300_800, 500_000_000, "2019-01-01T00:00:00.5Z"))),
        (
            "2019-01-01T00:00:00.1234567899+00:00",
            Some((1_546_300_800, 123_456_789, "2019-01-01T00:00:00.123456789Z")),
        ),
        ("1969-12-31T23:59:59.75Z", Some((-1, 750_000_000, "1969-12-31T23:59:59.75Z"))),
        ("0001-01-01T00:00:00Z", Some((-62_135_596_800, 0, "0001-01-01T00:00:00Z"))),
        (
            "9999-12-31T23:59:59.999999999Z",
            Some((253_402_300_799, 999_999_999, "9999-12-31T23:59:59.999999999Z")),
        ),
        ("0001-01-01T00:00:00+01:00", Some((-62_135_600_400, 0, "0000-12-31T23:00:00Z"))),
        ("2019-01-01T00:00:00+24:00", None),
        ("2019-01-01T00:00:00+00:60", None),
        ("2019-01-01", None),
        ("2019-01-01T00:00:00", None),
        ("2019-01-01t00:00:00Z", None),
        ("2019-01-01T00:00:00z", None),
        ("2019-01-01 00:00:00Z", None),
        ("2019-01-01T00:00Z", None),
        ("2019-13-01T00:00:00Z", None),
        ("2019-02-30T00:00:00Z", None),
        ("2019-01-01T24:00:00Z", None),
        ("2019-01-01T00:00:60Z", None),
        ("2019-01-01T00:00:00.Z", None),
        ("2019-01-01T00:00:00+0100", None),
        ("", None),
    ] {
        check_timestamp(text, expected);
    }
}

#[test]
fn microseconds_always_have_six_digits() {
    let show = |seconds, nanos| Timestamp::from_proto(seconds, nanos).unwrap().to_micros_text();
    assert_eq!(show(0, 0), "1970-01-01T00:00:00.000000Z");
    assert_eq!(show(0, 1_999), "1970-01-01T00:00:00.000001Z");
    assert_eq!(show(-1, 0), "1969-12-31T23:59:59.000000Z");
    assert_eq!(show(i64::MAX, 0), "@9223372036854775807.000000");
}

#[test]
fn fields_that_do_not_fit_are_refused() {
    assert_eq!(Duration::from_proto(i64::MAX, 0), None);
    assert_eq!(Duration::from_secs(i64::MIN), None);
    assert_eq!(Timestamp::from_proto(i64::MAX, 1_000_000_000), None);
    let last = Timestamp::from_proto(i64::MAX, 0).unwrap();
    assert_eq!(last.checked_add(Duration::from_secs(1).unwrap()), None);
    assert_eq!(Timestamp::from_proto(0, -1), Timestamp::from_proto(-1, 999_999_999));
    assert_eq!(Duration::from_nanos(-1).to_std(), None);
    assert_eq!(Duration::from_std(std::time::Duration::MAX), Duration::from_nanos(i64::MAX));
}

#[test]
fn value_types_have_the_names_and_numbers_of_the_protocol() {
    for (number, value_type) in ValueType::ALL.into_iter().enumerate() {
        assert_eq!(ValueType::from_number(number as i32), Ok(value_type));
        assert_eq!(value_type.name().parse(), Ok(value_type));
    }
    assert!(ValueType::from_number(12).is_err());
    assert!(ValueType::from_number(-1).is_err());
    assert!("string".parse::<ValueType>().is_err());
}

proptest! {
    #[test]
    fn a_printed_duration_reads_back(nanos: i64) {
        let duration = Duration::from_nanos(nanos);
        // Go's own printing of the extremes is exact too; fractions of a second have nine digits.
        prop_assert_eq!(duration.to_string().parse::<Duration>(), Ok(duration));
        let (seconds, rest) = duration.to_proto();
        prop_assert_eq!(Duration::from_proto(seconds, rest), Some(duration));
    }

    #[test]
    fn a_printed_timestamp_reads_back(seconds in -62_135_596_800i64..253_402_300_800, nanos in 0i32..1_000_000_000) {
        let time = Timestamp::from_proto(seconds, nanos).unwrap();
        prop_assert_eq!(time.to_string().parse::<Timestamp>(), Ok(time));
    }

    #[test]
    fn no_text_panics(text: String) {
        let _ = text.parse::<Duration>();
        let _ = text.parse::<Timestamp>();
        let _ = text.parse::<ValueType>();
    }
}
