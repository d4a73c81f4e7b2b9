//! The bounds of a list, and what a harvest of it gives.

use super::*;

#[test]
fn a_list_is_bounded_in_items_and_in_bytes() {
    let check = |limits: (usize, usize), sizes: &[usize], kept: usize| {
        let list = Pending::new(QueueLimits { items: limits.0, bytes: limits.1 });
        let taken = sizes.iter().take_while(|bytes| list.push(**bytes, **bytes).is_ok()).count();
        assert_eq!(taken, kept, "{limits:?} {sizes:?}");
        let bytes = sizes[..kept].iter().sum::<usize>();
        assert_eq!(list.level(), (kept, bytes));
        assert_eq!(list.is_full(), kept == limits.0 || bytes >= limits.1);
        assert_eq!(list.take(SystemTime::UNIX_EPOCH), sizes[..kept]);
        assert_eq!(list.level(), (0, 0), "a harvest makes room");
        assert!(list.push(1, 1).is_ok());
    };
    check((3, 100), &[1, 1, 1, 1], 3);
    check((9, 10), &[4, 4, 4], 2);
    check((9, 8), &[4, 4, 4], 2);
    check((9, 10), &[40, 1], 1);
    check((9, 10), &[1, 40], 1);
}
