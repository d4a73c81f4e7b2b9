//! Items that are sent together.

use std::time::Duration;

use super::queue::Lease;

/// When a batch is large or old enough to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// The most items.
    pub items: usize,
    /// The most bytes, as the backend counts them before a batch is encoded. A larger item goes alone.
    pub bytes: usize,
    /// How long the first item waits for others.
    pub age: Duration,
}

impl Default for BatchLimits {
    /// 10,000 items, 4 MiB, five seconds.
    fn default() -> Self {
        Self { items: 10_000, bytes: 4 << 20, age: Duration::from_secs(5) }
    }
}

/// Items that are sent together. They count as part of their queue until the batch is dropped.
#[derive(Debug)]
pub struct Batch<T> {
    items: Vec<T>,
    sizes: Vec<usize>,
    lease: Lease,
}

impl<T> Batch<T> {
    pub(super) fn new(items: Vec<T>, sizes: Vec<usize>, lease: Lease) -> Self {
        Self { items, sizes, lease }
    }

    /// The items, oldest first.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// How many items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The two halves of a batch.
    ///
    /// # Errors
    ///
    /// The batch itself when it has one item.
    pub fn halves(mut self) -> Result<(Self, Self), Self> {
        if self.items.len() < 2 {
            return Err(self);
        }
        let middle = self.items.len() / 2;
        let items = self.items.split_off(middle);
        let sizes = self.sizes.split_off(middle);
        let lease = self.lease.split_off(items.len(), sizes.iter().sum());
        Ok((self, Self { items, sizes, lease }))
    }
}
