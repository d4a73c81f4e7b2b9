//! Blocks are one when they are equal, and their bytes are kept for the present bag alone.

use mixer_attribute::VocabularyBuilder;

use super::*;

fn constant(byte: u8) -> Vec<Op> {
    vec![Op::Constant(vec![byte].into())]
}

#[test]
fn equal_steps_become_one_block_while_an_instance_holds_it() {
    let mut blocks = BlockInterner::new();
    let first = blocks.intern(constant(1));
    assert!(Arc::ptr_eq(&first, &blocks.intern(constant(1))));
    let other = blocks.intern(constant(2));
    assert!(!Arc::ptr_eq(&first, &other));
    assert_ne!(first.id, other.id);
    let nested = blocks.intern(vec![Op::Nested { tag: Box::new([1]), body: constant(1).into() }]);
    assert!(!Arc::ptr_eq(&first, &nested));
    let id = first.id;
    drop(first);
    assert_ne!(blocks.intern(constant(1)).id, id);
}

#[test]
fn a_shared_block_is_encoded_once_for_a_bag() {
    let mut blocks = BlockInterner::new();
    let block = blocks.intern(constant(1));
    let bag = Bag::new(VocabularyBuilder::new().finish());
    let mut cache = EncodeCache::new();
    let encode = |cache: &mut CachedBag<'_>, block: &Arc<Block>| {
        let mut out = Vec::new();
        block.encode(&mut cache.context(), &mut out).unwrap();
        out
    };

    let mut session = cache.bag(&bag);
    assert_eq!(encode(&mut session, &block), [1]);
    assert_eq!(session.cache.blocks.get(block.id), None, "nobody else has the block");

    let again = block.clone();
    assert_eq!(encode(&mut session, &block), [1]);
    assert_eq!(session.cache.blocks.get(block.id), Some(&[1][..]));
    // What is kept is what is written.
    session.cache.blocks.put(block.id, &[9, 9]);
    assert_eq!(encode(&mut session, &again), [9, 9]);

    let mut session = cache.bag(&bag);
    assert_eq!(session.cache.blocks.get(block.id), None, "another bag");
    assert_eq!(encode(&mut session, &again), [1]);
}
