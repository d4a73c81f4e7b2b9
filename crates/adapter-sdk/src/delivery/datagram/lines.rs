//! Lines that are handed over together.

/// Lines that are handed over together, to make them without a lock.
#[derive(Debug, Default)]
pub struct Lines {
    bytes: Vec<u8>,
    /// Where each line ends, and how many items it stands for.
    ends: Vec<(usize, usize)>,
}

impl Lines {
    /// No lines, with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ends: Vec::new() }
    }

    /// Adds a line, which stands for so many items, without its line end. Lines that must travel together may be
    /// written as one, with line ends between them.
    pub fn add(&mut self, items: usize, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push((self.bytes.len(), items));
    }

    /// Adds a line unless it cannot be written to its end.
    ///
    /// # Errors
    ///
    /// That of `write`; no line was added.
    pub fn try_add<E>(
        &mut self,
        items: usize,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.bytes.len();
        match write(&mut self.bytes) {
            Ok(()) => self.ends.push((self.bytes.len(), items)),
            Err(error) => {
                self.bytes.truncate(start);
                return Err(error);
            }
        }
        Ok(())
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Items and bytes of all lines, line ends included.
    pub fn size(&self) -> (usize, usize) {
        (self.ends.iter().map(|(_, items)| items).sum(), self.bytes.len() + self.ends.len())
    }

    /// The lines in order, each with the number of its items.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], usize)> {
        let mut start = 0;
        self.ends.iter().map(move |(end, items)| {
            let line = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            (line, *items)
        })
    }

    /// Forgets the lines and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}
