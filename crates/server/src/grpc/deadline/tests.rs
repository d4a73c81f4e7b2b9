//! Every unit, and what the protocol does not allow.

use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: Option<Duration>) {
    assert_eq!(parse(text), expected, "{text:?}");
}

#[test]
fn units_and_refusals() {
    check("2H", Some(Duration::from_secs(7200)));
    check("3M", Some(Duration::from_secs(180)));
    check("99999999S", Some(Duration::from_secs(99_999_999)));
    check("250m", Some(Duration::from_millis(250)));
    check("7u", Some(Duration::from_micros(7)));
    check("0n", Some(Duration::ZERO));
    for wrong in ["", "S", "5", "5s", "-5S", "+5S", " 5S", "5 S", "123456789S", "5é", "é", "1.5S"] {
        check(wrong, None);
    }
}

#[test]
fn no_header_means_no_deadline() {
    let now = Instant::now();
    let mut headers = HeaderMap::new();
    assert_eq!(deadline(&headers, now), None);
    headers.insert(HEADER, "100m".parse().unwrap());
    assert_eq!(deadline(&headers, now), Some(now + Duration::from_millis(100)));
    headers.insert(HEADER, "soon".parse().unwrap());
    assert_eq!(deadline(&headers, now), None);
}

proptest! {
    #[test]
    fn whole_milliseconds_come_back(count in 0_u64..=99_999_999) {
        prop_assert_eq!(parse(&format!("{count}m")), Some(Duration::from_millis(count)));
    }

    #[test]
    fn no_text_is_too_strange(text in ".{0,12}", bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
        let _ = parse(&text);
        let mut headers = HeaderMap::new();
        if let Ok(value) = http::HeaderValue::from_bytes(&bytes) {
            headers.insert(HEADER, value);
        }
        let _ = deadline(&headers, Instant::now());
    }
}
