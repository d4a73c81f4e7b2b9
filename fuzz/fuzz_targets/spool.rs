//! Segments of a spool: any bytes are read without panic, what counts as good is part of them, and reading what is good
//! again gives the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mixer_adapter_sdk::delivery::spool::SegmentSummary;

fuzz_target!(|data: &[u8]| {
    // Most bytes are no segment; with the magic word before them they are read on.
    let with_magic = [&b"mxspool2"[..], data].concat();
    for bytes in [data, &with_magic] {
        let summary = SegmentSummary::of(bytes);
        assert!(summary.good_bytes <= bytes.len());
        assert_eq!(SegmentSummary::of(&bytes[..summary.good_bytes]), summary);
    }
});
