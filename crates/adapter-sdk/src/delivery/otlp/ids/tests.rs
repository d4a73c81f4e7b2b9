//! What is an id and what is not.

use super::*;

#[test]
fn trace_ids() {
    let check = |text: &str, wanted: Option<u128>| {
        assert_eq!(trace_id(text).map(u128::from_be_bytes), wanted, "{text:?}");
    };
    check("4bf92f3577b34da6a3ce929d0e0e4736", Some(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736));
    check("4BF92F3577B34DA6A3CE929D0E0E4736", Some(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736));
    check("a3ce929d0e0e4736", Some(0xa3ce_929d_0e0e_4736));
    check(" a3ce929d0e0e4736 ", Some(0xa3ce_929d_0e0e_4736));
    for wrong in ["", "0", "00000000000000000000000000000000", "xyz", "+3ce929d0e0e4736", "a3ce929d0e0e473"] {
        check(wrong, None);
    }
    check("4bf92f3577b34da6a3ce929d0e0e47361", None);
    check("é3ce929d0e0e47", None);
}

#[test]
fn span_ids() {
    let check = |text: &str, wanted: Option<u64>| {
        assert_eq!(span_id(text).map(u64::from_be_bytes), wanted, "{text:?}");
    };
    check("00f067aa0ba902b7", Some(0x00f0_67aa_0ba9_02b7));
    for wrong in ["", "0000000000000000", "f067aa0ba902b7", "-0f067aa0ba902b7", "00f067aa0ba902b70"] {
        check(wrong, None);
    }
    assert!(is_no_span("") && is_no_span("0") && is_no_span("0000000000000000"));
    assert!(!is_no_span("x") && !is_no_span("01"));
}

#[test]
fn traceparents() {
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let (trace, span, flags) = traceparent(good).expect("one");
    assert_eq!(Some(trace), trace_id("4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!((Some(span), flags), (span_id("00f067aa0ba902b7"), 1));
    assert!(traceparent(&good.replacen("00", "cc", 1)).is_some());
    assert!(traceparent(&format!("{}-more", good.replacen("00", "01", 1))).is_some());
    for wrong in [
        format!("{good}-more"),
        good.replacen("00", "ff", 1),
        good.replace("4bf92f3577b34da6", ""),
        good.replace("00f067aa0ba902b7", "0000000000000000"),
        good.replace("-01", "-x1"),
        String::new(),
    ] {
        assert_eq!(traceparent(&wrong), None, "{wrong}");
    }
}

#[test]
fn ids_of_clients_are_others_and_stay_apart() {
    let check = |id: u64, wanted: u64| {
        assert_eq!(u64::from_be_bytes(of_client(id.to_be_bytes())), wanted, "{id:x}");
    };
    check(0x0123_4567_89ab_cdef, 0x1234_5678_9abc_def0);
    check(0xffff_ffff_ffff_fff0, 0x0000_0000_0000_0001);
    check(u64::MAX, 0x1111_1111_1111_1111);
    let mut seen = std::collections::HashSet::new();
    for id in 1..2000_u64 {
        let mapped = of_client(id.to_be_bytes());
        assert_ne!(mapped, id.to_be_bytes());
        assert_ne!(mapped, [0; 8]);
        assert_eq!(mapped, of_client(id.to_be_bytes()));
        assert!(seen.insert(mapped));
    }
}
