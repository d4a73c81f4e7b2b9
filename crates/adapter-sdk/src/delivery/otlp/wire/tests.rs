//! What is written is read back by prost, whatever the lengths.

use mixer_proto::otlp::metrics::{HistogramDataPoint, exponential_histogram_data_point::Buckets};
use prost::Message as _;

use super::*;

#[test]
fn messages_of_every_length_are_read_back() {
    for length in [0, 1, 126, 127, 128, 129, 16_382, 16_383, 16_384, 16_400, 3_000_000] {
        let mut writer = Writer::default();
        writer.text(1, "before");
        writer.message(2, |inner| inner.raw(&vec![7; length]));
        writer.text(1, "after");
        #[derive(Clone, PartialEq, prost::Message)]
        struct Outer {
            #[prost(string, repeated, tag = "1")]
            texts: Vec<String>,
            #[prost(bytes = "vec", tag = "2")]
            inner: Vec<u8>,
        }
        let read = Outer::decode(&*writer.into_bytes()).expect("a message");
        assert_eq!((read.texts, read.inner.len()), (vec!["before".into(), "after".into()], length));
    }
}

#[test]
fn numbers_are_read_back() {
    let mut writer = Writer::default();
    writer.fixed64(4, 3);
    writer.double(5, -1.5);
    writer.packed_fixed64(6, [1, 0, u64::MAX].into_iter());
    writer.packed_fixed64(7, [0.5_f64, 1.0].map(f64::to_bits).into_iter());
    let read = HistogramDataPoint::decode(&*writer.into_bytes()).expect("a point");
    assert_eq!((read.count, read.sum, read.bucket_counts), (3, Some(-1.5), vec![1, 0, u64::MAX]));
    assert_eq!(read.explicit_bounds, [0.5, 1.0]);
    for offset in [0, 1, -1, 63, -64, 64, i32::MAX, i32::MIN] {
        let mut writer = Writer::default();
        writer.sint32(1, offset);
        writer.packed_varints(2, [0, 300, u64::MAX].into_iter());
        let read = Buckets::decode(&*writer.into_bytes()).expect("buckets");
        assert_eq!((read.offset, read.bucket_counts), (offset, vec![0, 300, u64::MAX]));
    }
}
