//! Parts that several instances have in common: found when configuration is compiled, encoded once for a bag.
//!
//! The stock metrics are four instances with the same nineteen dimensions each; the dimensions are nearly all of
//! the work.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Weak};

use mixer_attribute::{Bag, Referenced};

use super::error::Failure;
use super::op::{Context, Form, Op, run};

/// Steps that encode one map field.
#[derive(Debug)]
pub(crate) struct Block {
    id: usize,
    ops: Box<[Op]>,
}

impl Block {
    pub(super) fn encode(
        self: &Arc<Self>,
        context: &mut Context<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Box<Failure>> {
        let shared = Arc::strong_count(self) > 1;
        if let Some(bytes) = context.blocks.as_ref().filter(|_| shared).and_then(|blocks| blocks.get(self.id))
        {
            out.extend_from_slice(bytes);
            return Ok(());
        }
        let start = out.len();
        run(&self.ops, context, out)?;
        if let Some(blocks) = context.blocks.as_mut().filter(|_| shared) {
            blocks.put(self.id, &out[start..]);
        }
        Ok(())
    }
}

/// Finds equal parts among the instances of one configuration snapshot. All instances that are compiled with the
/// same interner must be compiled with the same scope and options, and be encoded from bags of one vocabulary.
#[derive(Debug, Default)]
pub struct BlockInterner {
    known: HashMap<Vec<u8>, Weak<Block>>,
    next: usize,
}

impl BlockInterner {
    /// An interner that knows no block.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn intern(&mut self, ops: Vec<Op>) -> Arc<Block> {
        let mut key = Vec::new();
        identify(&ops, &mut key);
        if let Some(block) = self.known.get(&key).and_then(Weak::upgrade) {
            return block;
        }
        let block = Arc::new(Block { id: self.next, ops: ops.into() });
        self.next += 1;
        self.known.insert(key, Arc::downgrade(&block));
        block
    }
}

/// Bytes that are equal only for steps that do the same.
fn identify(ops: &[Op], key: &mut Vec<u8>) {
    fn part(key: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
        key.push(kind);
        key.extend_from_slice(&bytes.len().to_le_bytes());
        key.extend_from_slice(bytes);
    }
    key.extend_from_slice(&ops.len().to_le_bytes());
    for op in ops {
        match op {
            Op::Constant(bytes) => part(key, 0, bytes),
            Op::Leaf(leaf) => {
                let (bytes, places) = leaf.head.identity();
                part(key, 1, bytes);
                let places: Vec<u8> = places.iter().flat_map(|place| place.to_le_bytes()).collect();
                part(key, 2, &places);
                part(key, 3, form_name(&leaf.form).as_bytes());
                part(key, 4, leaf.program.text().as_bytes());
                part(key, 5, leaf.program.value_type().name().as_bytes());
                part(key, 10, leaf.path.as_bytes());
            }
            Op::Nested { tag, body } => {
                part(key, 6, tag);
                identify(body, key);
            }
            Op::Entries { tag, program, path } => {
                part(key, 7, tag);
                part(key, 8, program.text().as_bytes());
                part(key, 11, path.as_bytes());
            }
            Op::Block(block) => part(key, 9, &block.id.to_le_bytes()),
        }
    }
}

fn form_name(form: &Form) -> String {
    match form {
        // With the values: two templates can have enums of one name.
        Form::Enum(names) => format!("{names:?}"),
        form => format!("{form:?}"),
    }
}

/// Bytes of blocks that were encoded for the present bag.
#[derive(Debug, Default)]
pub(crate) struct BlockCache {
    bytes: Vec<u8>,
    /// By block id: the bag it was encoded for, and where its bytes are.
    ranges: Vec<(u64, Range<usize>)>,
    bag: u64,
}

impl BlockCache {
    fn get(&self, id: usize) -> Option<&[u8]> {
        let (bag, range) = self.ranges.get(id)?;
        self.bytes.get(range.clone()).filter(|_| *bag == self.bag)
    }

    fn put(&mut self, id: usize, block: &[u8]) {
        if self.ranges.len() <= id {
            self.ranges.resize(id + 1, (0, 0..0));
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(block);
        self.ranges[id] = (self.bag, start..self.bytes.len());
    }
}

/// Room for what instances have in common; kept from bag to bag so that nothing is allocated anew.
#[derive(Debug, Default)]
pub struct EncodeCache {
    blocks: BlockCache,
    refs: Referenced,
}

impl EncodeCache {
    /// A cache without room.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts with a bag; what was kept of the bag before is forgotten. What the instances read is not recorded
    /// for the caller: this is for reports, whose answer nobody caches.
    pub fn bag<'c>(&'c mut self, bag: &'c Bag) -> CachedBag<'c> {
        self.blocks.bag += 1;
        self.blocks.bytes.clear();
        self.refs.clear();
        CachedBag { cache: self, bag }
    }
}

/// A bag with what its instances have in common.
#[derive(Debug)]
pub struct CachedBag<'c> {
    cache: &'c mut EncodeCache,
    bag: &'c Bag,
}

impl CachedBag<'_> {
    pub(super) fn context(&mut self) -> Context<'_> {
        Context { bag: self.bag, refs: &mut self.cache.refs, blocks: Some(&mut self.cache.blocks) }
    }
}

#[cfg(test)]
mod tests;
