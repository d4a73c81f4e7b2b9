//! What is written is read back; whatever happens to the bytes, only what was written is read.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Written {
    Report(u64, String, Vec<u8>),
    Payload([u8; 16], u64, u32, Vec<u8>),
    Commit(u64),
}

impl Written {
    fn item(&self) -> Item<'_> {
        match self {
            Self::Report(at, template, framed) => {
                Item::Report { at: time(at.to_le_bytes()), template, framed }
            }
            Self::Payload(id, since, items, body) => Item::Payload {
                request_id: RequestId::from_bytes(*id),
                since: time(since.to_le_bytes()),
                items: *items,
                body,
            },
            Self::Commit(covers) => Item::Commit { covers: *covers },
        }
    }
}

fn written() -> impl Strategy<Value = Vec<Written>> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let item = prop_oneof![
        (any::<u64>(), "[a-zé]{0,20}", bytes())
            .prop_map(|(at, template, framed)| Written::Report(at, template, framed)),
        (any::<[u8; 16]>(), any::<u64>(), any::<u32>(), bytes())
            .prop_map(|(id, since, items, body)| Written::Payload(id, since, items, body)),
        any::<u64>().prop_map(Written::Commit),
    ];
    prop::collection::vec(item, 0..12)
}

/// The items, the segment, and where each frame ends.
fn segment(written: &[Written]) -> (Vec<Item<'_>>, Vec<u8>, Vec<usize>) {
    let (mut bytes, mut items, mut ends) = (MAGIC.to_vec(), Vec::new(), Vec::new());
    for one in written {
        let item = one.item();
        assert!(put(&mut bytes, item));
        items.push(item);
        ends.push(bytes.len());
    }
    (items, bytes, ends)
}

proptest! {
    #[test]
    fn what_is_written_is_read(written in written()) {
        let (items, bytes, _) = segment(&written);
        let mut frames = Frames::new(&bytes);
        prop_assert_eq!(frames.by_ref().collect::<Vec<_>>(), items);
        prop_assert_eq!((frames.end(), frames.position()), (End::Clean, bytes.len()));
    }

    #[test]
    fn a_torn_segment_keeps_its_whole_frames(written in written(), cut: prop::sample::Index) {
        let (items, bytes, ends) = segment(&written);
        let cut = cut.index(bytes.len());
        let mut frames = Frames::new(&bytes[..cut]);
        let read: Vec<_> = frames.by_ref().collect();
        let whole = ends.iter().filter(|end| **end <= cut).count();
        prop_assert_eq!(&read[..], &items[..whole]);
        let clean = cut == MAGIC.len() || ends.contains(&cut);
        prop_assert_eq!(frames.end(), if clean { End::Clean } else { End::Torn });
    }

    #[test]
    fn a_changed_byte_is_noticed(written in written(), at: prop::sample::Index, change in 1u8..) {
        let (items, mut bytes, ends) = segment(&written);
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        let mut frames = Frames::new(&bytes);
        let read: Vec<_> = frames.by_ref().collect();
        let before = if at < MAGIC.len() { 0 } else { ends.iter().filter(|end| **end <= at).count() };
        prop_assert_eq!(read.len(), before);
        prop_assert_eq!(&read[..], &items[..before]);
        prop_assert_ne!(frames.end(), End::Clean);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut with_magic = MAGIC.to_vec();
        with_magic.extend_from_slice(&bytes);
        for bytes in [bytes, with_magic] {
            let mut frames = Frames::new(&bytes);
            let _ = frames.by_ref().count();
            prop_assert!(frames.position() <= bytes.len());
        }
    }
}

#[test]
fn zeros_are_no_frames() {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[0; 100]);
    let mut frames = Frames::new(&bytes);
    assert_eq!((frames.next(), frames.end()), (None, End::Corrupt));
}

#[test]
fn a_name_that_is_too_long_leaves_no_trace() {
    let mut bytes = MAGIC.to_vec();
    let template = "t".repeat(256);
    assert!(!put(&mut bytes, Item::Report { at: UNIX_EPOCH, template: &template, framed: b"x" }));
    assert_eq!(bytes, MAGIC);
}
